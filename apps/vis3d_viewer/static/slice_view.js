// One slice plane: the picture, the crosshair over it, and what mouse and keys do to both.
(() => {
  const sub = (a, b) => a.map((x, n) => x - b[n]);
  const add = (a, b, t = 1) => a.map((x, n) => x + t * b[n]);
  const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
  const clamp = (x, low, high) => Math.min(Math.max(x, low), high);
  const CLICK_PX = 4; // a press that moves less is a click
  const SIDES = [["R", "L"], ["A", "P"], ["I", "S"]];

  const SliceView = {
    props: ["plane", "map", "crosshair", "center", "width", "labels", "opacity", "version"],
    emits: ["crosshair", "window", "maximise", "hover", "preset"],
    data: () => ({
      box: { w: 1, h: 1 }, zoom: 1, pan: { x: 0, y: 0 }, loaded: false, src: "", failed: false,
    }),
    computed: {
      // Column, row and slice of the crosshair, fractional. The three steps are orthogonal.
      place() {
        const offset = sub(this.crosshair, this.map.first);
        return ["column", "row", "slice"].map(
          (axis) => dot(offset, this.map[axis]) / dot(this.map[axis], this.map[axis]),
        );
      },
      index() {
        return clamp(Math.round(this.place[2]), 0, this.map.count - 1);
      },
      perMm() { // screen pixels for 1 mm
        const [rowMm, columnMm] = this.map.spacing;
        const fit = Math.min(
          this.box.w / (this.map.columns * columnMm), this.box.h / (this.map.rows * rowMm));
        return fit * this.zoom;
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
      address() {
        const query = new URLSearchParams({
          index: this.index, center: this.center, width: this.width, v: this.version,
        });
        if (this.labels) {
          query.set("labels", this.labels);
          query.set("opacity", this.opacity);
        }
        return `slice/${this.plane}?${query}`;
      },
      position() { // the plane's place along the patient, such as "S 12.5 mm"
        const axis = { sagittal: 0, coronal: 1, axial: 2 }[this.plane];
        const mm = add(this.map.first, this.map.slice, this.index)[axis] +
          this.map.column[axis] * (this.map.columns - 1) / 2 +
          this.map.row[axis] * (this.map.rows - 1) / 2;
        return `${SIDES[axis][mm < 0 ? 0 : 1]} ${Math.abs(mm).toFixed(1)} mm`;
      },
      scale() { // a bar of a round number of mm
        const mm = [10, 20, 50, 100, 200].findLast((n) => n * this.perMm < this.box.w / 4) || 5;
        return { mm, px: mm * this.perMm };
      },
      style() {
        const { x, y, w, h } = this.frame;
        return { left: `${x}px`, top: `${y}px`, width: `${w}px`, height: `${h}px` };
      },
    },
    watch: {
      address() { this.load(); },
      map() { this.reset(); },
    },
    mounted() {
      this.observer = new ResizeObserver(([entry]) => {
        this.box = { w: entry.contentRect.width || 1, h: entry.contentRect.height || 1 };
      });
      this.observer.observe(this.$refs.box);
      this.load();
    },
    unmounted() { this.observer.disconnect(); },
    methods: {
      // One request at a time: while the hand moves faster than pictures come, the ones
      // between are left out.
      load() {
        if (this.loading) { this.waiting = true; return; }
        this.loading = true;
        const address = this.address;
        const next = new Image();
        const finish = (good) => {
          this.loading = false;
          this.failed = !good;
          if (good) { this.src = address; this.loaded = true; this.draw(next); }
          if (this.waiting) { this.waiting = false; if (this.address !== address) this.load(); }
        };
        next.onload = () => finish(true);
        next.onerror = () => finish(false);
        next.src = address;
      },
      draw(image) {
        const canvas = this.$refs.canvas;
        if (!canvas) return;
        if (canvas.width !== image.naturalWidth) canvas.width = image.naturalWidth;
        if (canvas.height !== image.naturalHeight) canvas.height = image.naturalHeight;
        canvas.getContext("2d").drawImage(image, 0, 0);
        canvas.dataset.index = this.index;
        canvas.dataset.src = this.src;
      },
      reset() { this.zoom = 1; this.pan = { x: 0, y: 0 }; },
      lpsAt(event) {
        const rect = this.$refs.box.getBoundingClientRect();
        const column = ((event.clientX - rect.left - this.frame.x) / this.frame.w) * this.map.columns - 0.5;
        const row = ((event.clientY - rect.top - this.frame.y) / this.frame.h) * this.map.rows - 0.5;
        if (column < -0.5 || row < -0.5 || column > this.map.columns - 0.5 || row > this.map.rows - 0.5) return null;
        let lps = add(this.map.first, this.map.column, clamp(column, 0, this.map.columns - 1));
        lps = add(lps, this.map.row, clamp(row, 0, this.map.rows - 1));
        return add(lps, this.map.slice, this.index);
      },
      step(by) {
        const index = clamp(this.index + by, 0, this.map.count - 1);
        this.$emit("crosshair", add(this.crosshair, this.map.slice, index - this.place[2]));
      },
      wheel(event) {
        if (event.ctrlKey) { this.zoomBy(Math.exp(-event.deltaY / 400)); return; }
        this.turned = (this.turned || 0) + (event.deltaMode === 1 ? event.deltaY * 40 : event.deltaY);
        const notches = Math.abs(event.deltaY) >= 60 ? Math.sign(event.deltaY) : Math.trunc(this.turned / 30);
        if (notches) { this.turned = 0; this.step(notches * this.map.forward); }
      },
      zoomBy(factor) { this.zoom = clamp(this.zoom * factor, 0.5, 20); },
      down(event) {
        this.$refs.box.focus({ preventScroll: true });
        this.$refs.box.setPointerCapture(event.pointerId);
        const pans = event.button === 1 || event.shiftKey;
        this.drag = {
          what: pans ? "pan" : event.button === 2 ? "zoom" : "window",
          x: event.clientX, y: event.clientY, moved: false, id: event.pointerId,
          center: this.center, width: this.width, pan: { ...this.pan }, zoom: this.zoom,
        };
      },
      move(event) {
        if (!this.drag) { this.hover(event); return; }
        const dx = event.clientX - this.drag.x;
        const dy = event.clientY - this.drag.y;
        if (!this.drag.moved && Math.hypot(dx, dy) < CLICK_PX) return;
        this.drag.moved = true;
        if (this.drag.what === "pan") {
          this.pan = { x: this.drag.pan.x + dx, y: this.drag.pan.y + dy };
        } else if (this.drag.what === "zoom") {
          this.zoom = clamp(this.drag.zoom * Math.exp(-dy / 150), 0.5, 20);
        } else {
          const grain = Math.max(this.drag.width, 50) / 300; // the wider, the faster
          this.soon("window", [
            Math.round(this.drag.center + dy * grain),
            Math.max(1, Math.round(this.drag.width + dx * grain)),
          ]);
        }
      },
      up(event) {
        const drag = this.drag;
        this.drag = null;
        if (!drag || drag.moved || drag.what !== "window") return;
        const lps = this.lpsAt(event);
        if (lps) this.$emit("crosshair", lps);
      },
      hover(event) { this.soon("hover", this.lpsAt(event)); },
      leave() { this.soon("hover", null); },
      // At most once a frame: a mouse may report a thousand times a second.
      soon(name, value) {
        this.coming = { ...this.coming, [name]: value };
        if (this.frameId) return;
        this.frameId = requestAnimationFrame(() => {
          const coming = this.coming;
          this.coming = {};
          this.frameId = 0;
          for (const [event, args] of Object.entries(coming)) this.$emit(event, args);
        });
      },
      keys(event) {
        if (event.ctrlKey || event.metaKey || event.altKey) return;
        const forward = this.map.forward;
        const steps = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1, PageUp: -10, PageDown: 10 };
        if (event.key in steps) this.step(steps[event.key] * forward);
        else if (event.key === "Home") this.step(-forward * this.map.count);
        else if (event.key === "End") this.step(forward * this.map.count);
        else if (event.key === "r" || event.key === "R") this.reset();
        else if (/^[1-9]$/.test(event.key)) this.$emit("preset", Number(event.key) - 1);
        else if (event.key === "+") this.zoomBy(1.25);
        else if (event.key === "-") this.zoomBy(0.8);
        else return;
        event.preventDefault();
      },
    },
    template: `
      <div ref="box" class="v3-slice" :class="'v3-' + plane" tabindex="0" role="application"
        :aria-label="plane + ' slice ' + (index + 1) + ' of ' + map.count"
        :data-testid="'slice-' + plane" :data-index="index" :data-loaded="loaded ? src : ''"
        @wheel.prevent="wheel" @pointerdown.prevent="down" @pointermove="move" @pointerup="up"
        @pointercancel="drag = null" @pointerleave="leave" @contextmenu.prevent
        @dblclick="$emit('maximise', plane)" @keydown="keys">
        <canvas ref="canvas" class="v3-picture" :style="style" :data-testid="'picture-' + plane"></canvas>
        <svg class="v3-cross" aria-hidden="true" :data-testid="'cross-' + plane" :data-x="cross.x" :data-y="cross.y">
          <line class="v3-upright" :x1="cross.x" :x2="cross.x" y1="0" :y2="cross.y - 12" />
          <line class="v3-upright" :x1="cross.x" :x2="cross.x" :y1="cross.y + 12" y2="100%" />
          <line class="v3-level" x1="0" :x2="cross.x - 12" :y1="cross.y" :y2="cross.y" />
          <line class="v3-level" :x1="cross.x + 12" x2="100%" :y1="cross.y" :y2="cross.y" />
        </svg>
        <span class="v3-letter v3-left">{{ map.letters[0] }}</span>
        <span class="v3-letter v3-right">{{ map.letters[1] }}</span>
        <span class="v3-letter v3-top">{{ map.letters[2] }}</span>
        <span class="v3-letter v3-bottom">{{ map.letters[3] }}</span>
        <span class="v3-name">{{ plane }}</span>
        <span class="v3-where">{{ index + 1 }} / {{ map.count }} &nbsp; {{ position }}</span>
        <span class="v3-scale"><i :style="{ width: scale.px + 'px' }"></i>{{ scale.mm }} mm</span>
        <span v-if="failed" class="v3-failed" role="alert">This slice could not be fetched.</span>
        <span v-else-if="!loaded" class="v3-waiting">Loading ...</span>
      </div>`,
  };

  // What lies under the mouse, or at the crosshair: asked of the server, one question at a time.
  const ReadOut = {
    props: ["point", "version"],
    data: () => ({ answer: null, at: null }),
    watch: { point() { this.ask(); }, version() { this.ask(); } },
    mounted() { this.ask(); },
    methods: {
      async ask() {
        if (!this.point) return;
        if (this.asking) { this.again = true; return; }
        this.asking = true;
        const [l, p, s] = this.point;
        try {
          const response = await fetch(`value?${new URLSearchParams({ l, p, s })}`);
          if (response.ok) { this.answer = await response.json(); this.at = [l, p, s]; }
        } catch { this.answer = null; } // the connection is gone; trame says so
        this.asking = false;
        if (this.again) { this.again = false; this.ask(); }
      },
    },
    computed: {
      where() {
        if (!this.at) return "";
        return this.at.map((mm, axis) => `${SIDES[axis][mm < 0 ? 0 : 1]} ${Math.abs(mm).toFixed(1)}`).join("  ");
      },
      value() {
        if (!this.answer || this.answer.value === null) return "outside";
        return `${this.answer.value} ${this.answer.unit}`;
      },
    },
    template: `
      <span class="v3-readout" data-testid="readout" aria-live="off">
        <b data-testid="readout-value">{{ value }}</b>
        <em v-if="answer && answer.structure" data-testid="readout-structure">{{ answer.structure }}</em>
        <span data-testid="readout-position">{{ where }} mm</span>
      </span>`,
  };

  // Saves a file as soon as the server has one: its address changes, the browser fetches it.
  const FileSaver = {
    props: ["address"],
    watch: { address(address) { if (address) this.$nextTick(() => this.$refs.link.click()); } },
    template: `<a ref="link" :href="address" download class="v3-hidden" tabindex="-1" aria-hidden="true"></a>`,
  };

  window.vis3d_viewer = {
    install(app) {
      app.component("slice-view", SliceView);
      app.component("read-out", ReadOut);
      app.component("file-saver", FileSaver);
    },
  };
})();
