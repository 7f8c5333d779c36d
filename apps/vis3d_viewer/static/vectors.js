// Points and directions in LPS mm, and turns as quaternions (w, x, y, z).
window.vis3d_vectors = {
  sub: (a, b) => a.map((x, n) => x - b[n]),
  add: (a, b, t = 1) => a.map((x, n) => x + t * b[n]),
  dot: (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2],
  cross: (a, b) => [
    a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0],
  ],
  unit: (a) => { const length = Math.hypot(...a); return a.map((x) => x / length); },
  clamp: (x, low, high) => Math.min(Math.max(x, low), high),
  // The turn by an angle round a unit axis, after another turn.
  turned(turn, axis, angle) {
    const s = Math.sin(angle / 2);
    const [w, x, y, z] = [Math.cos(angle / 2), s * axis[0], s * axis[1], s * axis[2]];
    const [v, i, j, k] = turn;
    const product = [
      w * v - x * i - y * j - z * k, w * i + x * v + y * k - z * j,
      w * j - x * k + y * v + z * i, w * k + x * j - y * i + z * v,
    ];
    const length = Math.hypot(...product);
    return product.map((part) => part / length);
  },
};
