// Over the 3D view: the marks at their places, points set on what is seen, and scissors.
(() => {
  const hand = window.vis3d_hand, live = window.vis3d_live;
  const { markLine, movedPoints } = window.vis3d_marks;
  const CLICK_PX = 4; // a press that moves less is a click; more turns the view
  const NEEDED = { distance: 2, angle: 3 };

  // What is seen at a share of the view's width and height, in LPS mm; null for nothing.
  const seenAt = async ({ x, y }) => {
    try {
      const response = await fetch(`pick?${new URLSearchParams({ x, y })}`);
      return response.ok ? (await response.json()).lps : null;
    } catch { return null; } // the connection is gone: the page says so
  };

  window.vis3d_hand_over_3d = {
    props: ["matrix"], // of the server's camera
    data: () => ({ outline: [], points: [], held: null, box: { w: 1, h: 1 }, size: [0, 0] }),
    setup: () => ({ hand }),
    computed: {
      seen() { return live.matrix || this.matrix; }, // of the browser's own where it draws
      measures() { return hand.tool in NEEDED; },
      picture() { // where the server's picture lies in the view
        const { w, h } = this.box, [wide, high] = live.matrix || !this.size[0] ? [w, h] : this.size;
        const by = Math.min(w / wide, h / high);
        return { left: (w - by * wide) / 2, top: (h - by * high) / 2, width: by * wide, height: by * high };
      },
      shapes() {
        if (this.seen.length !== 16) return [];
        return hand.marks.map((mark) => {
          const held = this.held?.number === mark.number ? this.held : null;
          const points = held?.lps ? movedPoints(mark, held.which, held.lps) : mark.points;
          const line = markLine({ ...mark, points }).map(this.spot), spots = points.map(this.spot);
          return { mark, spots, line, end: line[mark.kind === "angle" ? 1 : line.length - 1] };
        }).filter(({ line }) => line.every((spot) => spot));
      },
      begun() { return this.seen.length === 16 ? this.points.map(this.spot).filter((spot) => spot) : []; },
      cut() { return [...this.outline, ...this.outline.slice(0, 1)].map(({ x, y }) => `${x * this.box.w},${y * this.box.h}`).join(" "); },
    },
    watch: { "hand.tool"() { this.points = []; this.outline = []; } },
    mounted() {
      this.view = this.$el.parentElement;
      this.observer = new ResizeObserver(([entry]) => {
        this.box = { w: entry.contentRect.width || 1, h: entry.contentRect.height || 1 };
      });
      this.observer.observe(this.view);
      this.view.addEventListener("load", this.drawn, true);
      this.view.addEventListener("pointerenter", this.fit);
      this.view.addEventListener("pointerdown", this.press, true);
      this.view.addEventListener("pointerup", this.lift, true);
    },
    unmounted() {
      this.observer.disconnect();
      this.view.removeEventListener("load", this.drawn, true);
      this.view.removeEventListener("pointerenter", this.fit);
      this.view.removeEventListener("pointerdown", this.press, true);
      this.view.removeEventListener("pointerup", this.lift, true);
    },
    methods: {
      spot(lps) { // where a point is seen, in pixels; null behind the eye
        const [x, y, , w] = [0, 4, 8, 12].map((row) =>
          this.seen[row] * lps[0] + this.seen[row + 1] * lps[1] + this.seen[row + 2] * lps[2] + this.seen[row + 3]);
        const { left, top, width, height } = this.picture;
        return w > 0 ? { x: left + ((x / w + 1) / 2) * width, y: top + ((1 - y / w) / 2) * height } : null;
      },
      drawn({ target }) {
        const size = [target.naturalWidth, target.naturalHeight];
        if (String(size) !== String(this.size)) this.size = size;
      },
      // Another page may be of another size: the one with a hand on it says what is drawn.
      fit() {
        if (!live.matrix) window.trame.trigger("fit", [this.box.w, this.box.h, window.devicePixelRatio]);
      },
      share(event) {
        const box = this.view.getBoundingClientRect();
        const within = (at) => Math.min(Math.max(at, 0), 1);
        return { x: within((event.clientX - box.left) / box.width), y: within((event.clientY - box.top) / box.height) };
      },
      handles: (mark) => (NEEDED[mark.kind] ? mark.points.map((_, n) => n) : []),
      path: (line) => line.map(({ x, y }) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" "),
      // Points: a click sets one, a drag turns the view as ever.
      press(event) {
        if (event.pointerType !== "mouse") this.fit(); // a finger comes without a warning
        const onView = !event.target.closest?.("button, circle");
        this.pressed = this.measures && onView && event.button === 0 ? event : null;
      },
      async lift(event) {
        const pressed = this.pressed, tool = hand.tool;
        this.pressed = null;
        if (!pressed || Math.hypot(event.clientX - pressed.clientX, event.clientY - pressed.clientY) >= CLICK_PX) return;
        const lps = await seenAt(this.share(event));
        if (!lps || hand.tool !== tool) return; // the background has no place
        this.points = [...this.points, lps];
        if (this.points.length < NEEDED[tool]) return;
        window.trame.trigger("mark", [tool, this.points]);
        this.points = [];
      },
      // Handles: they follow what is seen under the hand.
      grab(mark, which, event) {
        event.target.setPointerCapture(event.pointerId);
        this.held = { number: mark.number, which, lps: null };
      },
      async drag(event) {
        const held = this.held;
        if (!held) return;
        this.latest = this.share(event);
        if (this.asking) return;
        this.asking = true;
        const lps = await seenAt(this.latest);
        this.asking = false;
        if (lps && this.held === held) held.lps = lps;
      },
      async drop(event) {
        const held = this.held;
        if (!held) return;
        const lps = await seenAt(this.share(event));
        if (lps) { held.lps = lps; window.trame.trigger("move_mark", [held.number, held.which, lps]); }
        setTimeout(() => { if (this.held === held) this.held = null; }, lps ? 400 : 0); // until the server says so
      },
      // Scissors: an outline drawn over the view.
      begin(event) {
        if (event.button !== 0) return;
        this.$refs.layer.setPointerCapture(event.pointerId);
        this.outline = [this.share(event)];
      },
      draw(event) { if (this.outline.length && this.outline.length < 2000) this.outline.push(this.share(event)); },
      end() {
        const points = this.outline.map(({ x, y }) => [2 * x - 1, 1 - 2 * y]);
        this.outline = [];
        if (points.length > 2 && hand.label) window.trame.trigger("cut_view", [hand.label, points, hand.side]);
      },
    },
    template: `
      <div class="v3-over-3d" :class="{ 'v3-measures': measures }">
        <svg class="v3-hand" aria-hidden="true" data-testid="marks-3d">
          <g v-for="one in shapes" :key="one.mark.number" class="v3-mark" :data-testid="'mark-3d-' + one.mark.number">
            <polyline :points="path(one.line)" />
            <text :x="one.end.x + 8" :y="one.end.y - 8">{{ one.mark.text }}</text>
            <circle v-for="n in handles(one.mark)" :key="n" :cx="one.spots[n].x" :cy="one.spots[n].y" r="5" :data-testid="'handle-3d-' + one.mark.number + '-' + n"
              @pointerdown.stop.prevent="grab(one.mark, n, $event)" @pointermove.stop="drag" @pointerup.stop="drop" />
          </g>
          <g class="v3-drawing">
            <polyline v-if="begun.length > 1" :points="path(begun)" />
            <circle v-for="(spot, n) in begun" :key="n" :cx="spot.x" :cy="spot.y" r="4" data-testid="point-3d" />
          </g>
        </svg>
        <svg v-if="hand.tool === 'scissors'" ref="layer" class="v3-hand v3-busy" data-testid="hand-3d"
          @pointerdown.stop.prevent="begin" @pointermove.stop="draw" @pointerup.stop="end" @wheel.stop>
          <g class="v3-drawing"><polyline :points="cut" /></g>
        </svg>
      </div>`,
  };
})();
