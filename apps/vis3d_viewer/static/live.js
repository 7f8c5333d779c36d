// What changes while a hand moves: crosshair, window, turned planes, the point under the mouse.
// The views read it here at once; the server (and with it the panel, 3D and other tabs) hears
// of it a few times a second, so that no picture waits for an answer.
(() => {
  const TELL_EVERY_MS = 120;
  const PLANES = ["axial", "coronal", "sagittal"];
  const STRAIGHT = [1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]; // a quaternion (w, x, y, z) a plane
  const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

  const live = Vue.reactive({
    crosshair: [0, 0, 0], window: [40, 400], turns: STRAIGHT, hover: null, maps: {}, moving: false, matrix: null,
  });
  window.vis3d_live = live;
  window.vis3d_straight = STRAIGHT;

  // Stands in the page without being seen, and carries values between trame and the views.
  const LiveValues = {
    props: ["crosshair", "center", "width", "turns", "planes"],
    emits: ["crosshair", "window", "turns"],
    render: () => null,
    created() {
      this.told = {};
      this.due = {};
      live.maps = this.planes;
      this.take("crosshair", this.crosshair);
      this.take("window", [this.center, this.width]);
      this.take("turns", this.turns);
      for (const name of ["crosshair", "window", "turns"]) {
        Vue.watch(() => live[name], (value) => this.tell(name, value));
      }
    },
    unmounted() { clearTimeout(this.timer); },
    watch: {
      crosshair(value) { this.take("crosshair", value); },
      center() { this.take("window", [this.center, this.width]); },
      width() { this.take("window", [this.center, this.width]); },
      turns(value) { this.take("turns", value); },
      planes(planes) { live.maps = planes; this.place(); },
    },
    methods: {
      // A value of the server's; an echo of our own isn't news.
      take(name, value) {
        if (same(value, this.told[name])) return;
        this.told[name] = value;
        delete this.due[name]; // what the hand did before is outdated
        if (!same(live[name], value)) live[name] = value;
        if (name === "turns") this.place();
      },
      tell(name, value) {
        if (name === "turns") this.place();
        if (same(value, this.told[name])) return;
        this.due[name] = value;
        this.timer = this.timer || setTimeout(() => {
          this.timer = 0;
          const due = this.due;
          this.due = {};
          for (const [event, what] of Object.entries(due)) {
            this.told[event] = what;
            this.$emit(event, what);
          }
        }, TELL_EVERY_MS);
      },
      // Where the slices lie: as the server said for straight planes, asked anew for turned ones.
      async place() {
        if (!this.planes.axial) return;
        if (same(live.turns, STRAIGHT)) { live.maps = this.planes; return; }
        if (this.placing) { this.again = true; return; }
        this.placing = true;
        try {
          const response = await fetch(`planes?turns=${live.turns.map((n) => +n.toFixed(6)).join(",")}`);
          if (response.ok && !same(live.turns, STRAIGHT)) live.maps = await response.json();
        } catch { /* the connection is gone: the page says so */ }
        this.placing = false;
        if (this.again) { this.again = false; this.place(); }
      },
    },
  };

  const ME = Math.random().toString(36).slice(2); // this page, among those that share the view

  window.vis3d_me = ME;
  (window.vis3d_components = {})["live-values"] = LiveValues;
  window.vis3d_planes = PLANES;
  window.vis3d_viewer = {
    install(app) {
      const { trame } = window;
      const ask = trame.trigger;
      trame.trigger = (name, args = []) => ask.call(trame, name, args, { page: ME });
      for (const [name, part] of Object.entries(window.vis3d_components)) app.component(name, part);
    },
  };
})();
