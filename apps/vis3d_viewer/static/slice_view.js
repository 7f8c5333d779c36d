// One slice plane: the picture, the crosshair over it, and what mouse, fingers and keys do.
(() => {
  const { sub, add, dot, cross, unit, clamp, turned } = window.vis3d_vectors;
  const live = window.vis3d_live;
  const CLICK_PX = 4; // a press that moves less is a click
  const STEP_PX = 12; // a finger that moves so far goes to the next slice
  const GAP_PX = 12; // round the crosshair's middle
  const GRIP_PX = 16; // a grip stays so far from the edge of the view
  const TURN_BY = Math.PI / 36;
  const SIDES = [["R", "L"], ["A", "P"], ["I", "S"]];
  const SLABS = { mean: "Mean", mip: "MIP", minip: "MinIP" };

  const SliceView = {
    props: ["plane", "labels", "opacity", "version", "slab", "thickness", "emphysema"],
    emits: ["maximise", "preset"],
    data: () => ({
      box: { w: 1, h: 1 }, zoom: 1, pan: { x: 0, y: 0 }, loaded: false, src: "", failed: false,
    }),
    computed: {
      map() { return live.maps[this.plane]; },
      center() { return live.window[0]; },
      width() { return live.window[1]; },
      // Column, row and slice of the crosshair, fractional. The three steps are orthogonal.
      place() {
        const offset = sub(live.crosshair, this.map.first);
        return ["column", "row", "slice"].map(
          (axis) => dot(offset, this.map[axis]) / dot(this.map[axis], this.map[axis]),
        );
      },
      index() { return clamp(Math.round(this.place[2]), 0, this.map.count - 1); },
      perMm() { // screen pixels for 1 mm; a turned plane keeps the scale of the straight one
        const [w, h] = this.map.fit_mm;
        return Math.min(this.box.w / w, this.box.h / h) * this.zoom;
      },
      frame() { // where the picture lies in the box
        const [rowMm, columnMm] = this.map.spacing;
        const w = this.map.columns * columnMm * this.perMm;
        const h = this.map.rows * rowMm * this.perMm;
        return { x: (this.box.w - w) / 2 + this.pan.x, y: (this.box.h - h) / 2 + this.pan.y, w, h };
      },
      cross() {
        return {
          x: this.frame.x + ((this.place[0] + 0.5) / this.map.columns) * this.frame.w,
          y: this.frame.y + ((this.place[1] + 0.5) / this.map.rows) * this.frame.h,
        };
      },
      lines() { // where the other planes cut this one, as directions on the screen
        const right = unit(this.map.column), down = unit(this.map.row), across = unit(this.map.slice);
        const far = 2 * (this.box.w + this.box.h);
        const usual = 0.36 * Math.min(this.box.w, this.box.h);
        const room = (x, y) => Math.min( // from the crosshair to the edge of the view
          (x > 0 ? this.box.w - this.cross.x : this.cross.x) / Math.max(Math.abs(x), 1e-6),
          (y > 0 ? this.box.h - this.cross.y : this.cross.y) / Math.max(Math.abs(y), 1e-6)) - GRIP_PX;
        return window.vis3d_planes.filter((name) => name !== this.plane).map((name) => {
          const way = cross(unit(live.maps[name].slice), across);
          const length = Math.hypot(dot(way, right), dot(way, down)) || 1;
          const x = dot(way, right) / length, y = dot(way, down) / length;
          const at = (t) => ({ x: this.cross.x + t * x, y: this.cross.y + t * y });
          return {
            name,
            halves: [-1, 1].map((end) => {
              const grip = Math.min(usual, room(end * x, end * y));
              return {
                from: at(end * GAP_PX), to: at(end * far), grip: grip > 2 * GAP_PX ? at(end * grip) : null,
              };
            }),
          };
        });
      },
      look() { // how a slice is asked for, whichever it is
        const query = new URLSearchParams({ center: this.center, width: this.width, v: this.version });
        if (this.slab in SLABS) { query.set("slab", this.slab); query.set("mm", this.thickness); }
        if (this.map.turn) query.set("turn", this.map.turn.join(","));
        if (this.emphysema) query.set("emphysema", 1);
        if (this.labels) { query.set("labels", this.labels); query.set("opacity", this.opacity); }
        return query.toString();
      },
      address() { return this.addressOf(this.index); },
      position() { // the plane's place along the patient, such as "S 12.5 mm"
        if (!this.map.placed) return "";
        const axis = { sagittal: 0, coronal: 1, axial: 2 }[this.plane];
        const mm = add(this.map.first, this.map.slice, this.index)[axis] +
          this.map.column[axis] * (this.map.columns - 1) / 2 +
          this.map.row[axis] * (this.map.rows - 1) / 2;
        return `${SIDES[axis][mm < 0 ? 0 : 1]} ${Math.abs(mm).toFixed(1)} mm`;
      },
      slabText() {
        if (!(this.slab in SLABS)) return "";
        const step = Math.hypot(...this.map.slice);
        const half = Math.floor(this.thickness / step / 2 + 1e-6);
        return `${SLABS[this.slab]} ${((2 * half + 1) * step).toFixed(1)} mm`;
      },
      scale() { // a bar of a round number of mm
        const mm = [1, 2, 5, 10, 20, 50, 100, 200].findLast((n) => n * this.perMm < this.box.w / 4) || 1;
        return { mm, px: mm * this.perMm };
      },
      style() {
        const { x, y, w, h } = this.frame;
        return { left: `${x}px`, top: `${y}px`, width: `${w}px`, height: `${h}px` };
      },
    },
    watch: {
      address() { this.load(); },
      version() { this.source.forget(); },
      map(now, before) {
        if (!now || !before || now.scan !== before.scan) { this.reset(); return; }
        // While planes turn, the crosshair stays where it is on the screen.
        if (!live.moving) return;
        const old = this.shownCross;
        this.pan = { x: this.pan.x + old.x - this.cross.x, y: this.pan.y + old.y - this.cross.y };
      },
      cross: { immediate: true, flush: "post", handler(cross) { this.shownCross = cross; } },
    },
    created() {
      this.source = new window.vis3d_SliceSource(
        (bitmap, picture) => this.draw(bitmap, picture),
        (failed) => { this.failed = failed; },
      );
      this.fingers = new Map();
      this.ahead = 1;
    },
    mounted() {
      this.observer = new ResizeObserver(([entry]) => {
        this.box = { w: entry.contentRect.width || 1, h: entry.contentRect.height || 1 };
      });
      this.observer.observe(this.$refs.box);
      this.load();
    },
    unmounted() { cancelAnimationFrame(this.frameId); this.observer.disconnect(); this.source.close(); },
    methods: {
      addressOf(index) { return `slice/${this.plane}?index=${index}&${this.look}`; },
      load() {
        const next = clamp(this.index + this.ahead, 0, this.map.count - 1);
        const walks = this.look === this.looked; // else the next may look different again
        this.looked = this.look;
        const ahead = walks ? { address: this.addressOf(next), index: next } : null;
        this.source.want({ address: this.address, index: this.index }, ahead);
      },
      draw(bitmap, picture) {
        const canvas = this.$refs.canvas;
        if (!canvas) return;
        if (canvas.width !== bitmap.width) canvas.width = bitmap.width;
        if (canvas.height !== bitmap.height) canvas.height = bitmap.height;
        canvas.getContext("2d", { alpha: false }).drawImage(bitmap, 0, 0);
        canvas.dataset.index = picture.index;
        canvas.dataset.src = picture.address;
        this.src = picture.address;
        this.loaded = true;
      },
      reset() { this.zoom = 1; this.pan = { x: 0, y: 0 }; },
      spot(event) { // where in the box
        const rect = this.$refs.box.getBoundingClientRect();
        return { x: event.clientX - rect.left, y: event.clientY - rect.top };
      },
      lpsAt(event) {
        const { x, y } = this.spot(event);
        const column = ((x - this.frame.x) / this.frame.w) * this.map.columns - 0.5;
        const row = ((y - this.frame.y) / this.frame.h) * this.map.rows - 0.5;
        if (column < -0.5 || row < -0.5 || column > this.map.columns - 0.5 || row > this.map.rows - 0.5) return null;
        let lps = add(this.map.first, this.map.column, clamp(column, 0, this.map.columns - 1));
        lps = add(lps, this.map.row, clamp(row, 0, this.map.rows - 1));
        return add(lps, this.map.slice, clamp(this.place[2], 0, this.map.count - 1));
      },
      step(by) {
        if (by) this.ahead = Math.sign(by);
        const index = clamp(this.index + by, 0, this.map.count - 1);
        live.crosshair = add(live.crosshair, this.map.slice, index - this.place[2]);
      },
      wheel(event) {
        if (event.ctrlKey) { this.zoomBy(Math.exp(-event.deltaY / 400), this.spot(event)); return; }
        this.wheeled = (this.wheeled || 0) + (event.deltaMode === 1 ? event.deltaY * 40 : event.deltaY);
        const notches = Math.abs(event.deltaY) >= 60 ? Math.sign(event.deltaY) : Math.trunc(this.wheeled / 30);
        if (notches) { this.wheeled = 0; this.step(notches * this.map.forward); }
      },
      // What lies at `spot` stays there.
      zoomBy(factor, spot = { x: this.box.w / 2, y: this.box.h / 2 }) {
        const zoom = clamp(this.zoom * factor, 0.5, 20), by = zoom / this.zoom;
        const middle = { x: this.box.w / 2 + this.pan.x, y: this.box.h / 2 + this.pan.y };
        this.pan = { x: this.pan.x + (1 - by) * (spot.x - middle.x), y: this.pan.y + (1 - by) * (spot.y - middle.y) };
        this.zoom = zoom;
      },
      press(event, what, more = {}) {
        this.$refs.box.focus({ preventScroll: true });
        this.$refs.box.setPointerCapture(event.pointerId);
        this.drag = {
          what, x: event.clientX, y: event.clientY, spot: this.spot(event), moved: false,
          window: [...live.window], pan: { ...this.pan }, zoom: this.zoom,
          crosshair: [...live.crosshair], turns: [...live.turns], ...more,
        };
      },
      down(event) {
        if (event.pointerType === "touch") { this.touch(event); return; }
        const pans = event.button === 1 || event.shiftKey;
        this.press(event, pans ? "pan" : event.button === 2 ? "zoom" : "window");
      },
      touch(event) {
        this.fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
        if (this.fingers.size === 1) { this.press(event, "walk"); return; }
        if (this.fingers.size === 2) this.press(event, "pinch", { apart: this.pinch() });
      },
      pinch() {
        const [a, b] = [...this.fingers.values()];
        const rect = this.$refs.box.getBoundingClientRect();
        return {
          length: Math.max(Math.hypot(a.x - b.x, a.y - b.y), 1),
          x: (a.x + b.x) / 2 - rect.left, y: (a.y + b.y) / 2 - rect.top,
        };
      },
      grip(event) {
        const { x, y } = this.spot(event);
        this.press(event, "turn", { angle: Math.atan2(y - this.cross.y, x - this.cross.x) });
        live.moving = true;
      },
      move(event) {
        if (this.fingers.has(event.pointerId)) {
          this.fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
        }
        if (!this.drag) { this.soon(() => { live.hover = this.lpsAt(event); }); return; }
        const dx = event.clientX - this.drag.x;
        const dy = event.clientY - this.drag.y;
        if (!this.drag.moved && Math.hypot(dx, dy) < CLICK_PX) return;
        this.drag.moved = true;
        const drag = this.drag;
        this.soon(() => { if (this.drag === drag) this.follow(event, drag, dx, dy); });
      },
      follow(event, drag, dx, dy) {
        if (drag.what === "pan") {
          this.pan = { x: drag.pan.x + dx, y: drag.pan.y + dy };
        } else if (drag.what === "zoom") {
          this.zoom = drag.zoom;
          this.pan = drag.pan;
          this.zoomBy(Math.exp(-dy / 150), drag.spot);
        } else if (drag.what === "pinch" && this.fingers.size > 1) {
          const now = this.pinch();
          this.zoom = drag.zoom;
          this.pan = { x: drag.pan.x + now.x - drag.apart.x, y: drag.pan.y + now.y - drag.apart.y };
          this.zoomBy(now.length / drag.apart.length, now);
        } else if (drag.what === "walk") {
          const steps = Math.trunc(dy / STEP_PX) - (drag.walked || 0);
          drag.walked = (drag.walked || 0) + steps;
          if (steps) this.step(steps * this.map.forward);
        } else if (drag.what === "turn") {
          const { x, y } = this.spot(event);
          this.turn(drag.turns, Math.atan2(y - this.cross.y, x - this.cross.x) - drag.angle);
        } else if (drag.what === "window") {
          const grain = Math.max(drag.window[1], 50) / 300; // the wider, the faster
          live.window = [
            Math.round(drag.window[0] + dy * grain),
            Math.max(1, Math.round(drag.window[1] + dx * grain)),
          ];
        }
      },
      // Turn the two other planes round the crosshair, clockwise as seen here.
      turn(turns, angle) {
        const axis = cross(unit(this.map.column), unit(this.map.row));
        live.turns = window.vis3d_planes.flatMap((name, n) => {
          const turn = turns.slice(4 * n, 4 * n + 4);
          return name === this.plane ? turn : turned(turn, axis, angle);
        });
      },
      up(event) {
        this.fingers.delete(event.pointerId);
        const drag = this.drag;
        if (drag?.what === "pinch" && this.fingers.size) return;
        this.drag = null;
        live.moving = false;
        if (!drag || drag.moved || !["window", "walk"].includes(drag.what)) return;
        const lps = this.lpsAt(event);
        if (lps) live.crosshair = lps;
      },
      cancel() { // give up what the hand began
        const drag = this.drag;
        if (!drag) return false;
        this.drag = null;
        this.fingers.clear();
        live.moving = false;
        live.window = drag.window;
        live.crosshair = drag.crosshair;
        live.turns = drag.turns;
        this.pan = drag.pan;
        this.zoom = drag.zoom;
        return true;
      },
      leave() { this.soon(() => { live.hover = null; }); },
      // At once, then at most once a frame: a mouse may report a thousand times a second.
      soon(act) {
        if (this.frameId) { this.coming = act; return; }
        act();
        this.frameId = requestAnimationFrame(() => {
          this.frameId = 0;
          const coming = this.coming;
          this.coming = null;
          if (coming) this.soon(coming);
        });
      },
      keys(event) {
        if (event.ctrlKey || event.metaKey || event.altKey) return;
        const forward = this.map.forward;
        const steps = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1, PageUp: -10, PageDown: 10 };
        if (event.key in steps) this.step(steps[event.key] * forward);
        else if (event.key === "Home") this.step(-forward * this.map.count);
        else if (event.key === "End") this.step(forward * this.map.count);
        else if (event.key === "r" || event.key === "R") { this.reset(); live.turns = window.vis3d_straight; }
        else if (/^[1-9]$/.test(event.key)) this.$emit("preset", Number(event.key) - 1);
        else if (event.key === "+") this.zoomBy(1.25);
        else if (event.key === "-") this.zoomBy(0.8);
        else if (event.key === "[") this.turn(live.turns, -TURN_BY);
        else if (event.key === "]") this.turn(live.turns, TURN_BY);
        else if (event.key === "Enter") this.$emit("maximise", this.plane);
        else if (event.key === "Escape" && this.cancel()) event.stopPropagation();
        else return;
        event.preventDefault();
      },
    },
    template: `
      <div ref="box" class="v3-slice" :class="'v3-' + plane" tabindex="0" role="application"
        :aria-label="plane + ' slice ' + (index + 1) + ' of ' + map.count"
        :data-testid="'slice-' + plane" :data-index="index" :data-loaded="loaded ? src : ''"
        :data-zoom="zoom" :data-pan="pan.x + ' ' + pan.y"
        @wheel.prevent="wheel" @pointerdown.prevent="down" @pointermove="move" @pointerup="up"
        @pointercancel="cancel" @pointerleave="leave" @contextmenu.prevent
        @dblclick="$emit('maximise', plane)" @keydown="keys">
        <canvas ref="canvas" class="v3-picture" :style="style" :data-testid="'picture-' + plane"></canvas>
        <svg class="v3-cross" aria-hidden="true" :data-testid="'cross-' + plane" :data-x="cross.x" :data-y="cross.y">
          <g v-for="line in lines" :key="line.name" :class="'v3-of-' + line.name">
            <template v-for="(half, n) in line.halves" :key="n">
              <line :x1="half.from.x" :y1="half.from.y" :x2="half.to.x" :y2="half.to.y" />
              <circle v-if="half.grip" class="v3-grip" :cx="half.grip.x" :cy="half.grip.y" r="5"
                :data-testid="'grip-' + plane + '-' + line.name + '-' + n"
                @pointerdown.stop.prevent="grip" @dblclick.stop><title>Turn the {{ line.name }} plane</title></circle>
            </template>
          </g>
        </svg>
        <hand-layer />
        <span class="v3-letter v3-left">{{ map.letters[0] }}</span>
        <span class="v3-letter v3-right">{{ map.letters[1] }}</span>
        <span class="v3-letter v3-top">{{ map.letters[2] }}</span>
        <span class="v3-letter v3-bottom">{{ map.letters[3] }}</span>
        <span class="v3-name">{{ map.placed || map.count > 1 ? plane : "picture" }}<em v-if="map.turn"> · oblique</em></span>
        <span class="v3-where">{{ index + 1 }} / {{ map.count }}<i v-if="!map.turn"> &nbsp; {{ position }}</i></span>
        <span v-if="slabText" class="v3-slab" :data-testid="'slab-' + plane">{{ slabText }}</span>
        <span class="v3-scale"><i :style="{ width: scale.px + 'px' }"></i>{{ scale.mm }} mm</span>
        <span v-if="failed" class="v3-failed" role="alert">This slice could not be fetched.</span>
        <span v-else-if="!loaded" class="v3-waiting">Loading ...</span>
      </div>`,
  };

  // What lies under the mouse, or at the crosshair: asked of the server, one question at a time.
  const ReadOut = {
    props: ["version"],
    data: () => ({ answer: null, at: null }),
    computed: {
      point() { return live.hover || live.crosshair; },
      where() {
        if (!this.at) return "";
        if (live.maps.axial?.placed === false) return this.at.map((mm) => mm.toFixed(1)).join("  ");
        return this.at.map((mm, axis) => `${SIDES[axis][mm < 0 ? 0 : 1]} ${Math.abs(mm).toFixed(1)}`).join("  ");
      },
      value() {
        if (!this.answer || this.answer.value === null) return "outside";
        return `${this.answer.value} ${this.answer.unit}`;
      },
      window() { return `C ${+live.window[0].toFixed(1)}  W ${+live.window[1].toFixed(1)}`; },
    },
    watch: { point() { this.ask(); }, version() { this.ask(); } },
    mounted() { this.ask(); },
    methods: {
      async ask() {
        if (this.asking || live.moving) { this.again = true; return; }
        this.asking = true;
        const [l, p, s] = this.point;
        try {
          const response = await fetch(`value?${new URLSearchParams({ l, p, s })}`);
          if (response.ok) { this.answer = await response.json(); this.at = [l, p, s]; }
        } catch { this.answer = null; } // the connection is gone: the page says so
        this.asking = false;
        if (this.again) { this.again = false; this.ask(); }
      },
    },
    template: `
      <span class="v3-readout" data-testid="readout" aria-live="off">
        <b data-testid="readout-value">{{ value }}</b>
        <em v-if="answer && answer.structure" data-testid="readout-structure">{{ answer.structure }}</em>
        <span data-testid="readout-position">{{ where }} mm</span>
        <span data-testid="readout-window">{{ window }}</span>
      </span>`,
  };

  Object.assign(window.vis3d_components, { "slice-view": SliceView, "read-out": ReadOut });
})();
