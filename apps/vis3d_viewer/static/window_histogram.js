// The histogram under the window, whose edges and middle are dragged.
(() => {
  const live = window.vis3d_live;
  const { clamp } = window.vis3d_vectors;
  const W = 256, H = 64;

  const WindowHistogram = {
    props: ["bars"],
    data: () => ({ drag: null }),
    computed: {
      low() { return live.window[0] - live.window[1] / 2; },
      high() { return live.window[0] + live.window[1] / 2; },
      path() {
        const wide = W / this.bars.heights.length;
        return this.bars.heights.map((height, n) =>
          `M${(n * wide).toFixed(2)} ${H}v${-(height * (H - 4)).toFixed(2)}h${wide.toFixed(2)}V${H}z`).join("");
      },
      edges() {
        return [["low", this.low, "Black at"], ["high", this.high, "White at"]].map(
          ([name, value, label]) => ({ name, value, label, x: this.x(value) }));
      },
    },
    methods: {
      x(value) { return clamp(((value - this.bars.low) / (this.bars.high - this.bars.low)) * W, 0, W); },
      value(event) {
        const box = this.$refs.plot.getBoundingClientRect();
        return this.bars.low + ((event.clientX - box.left) / box.width) * (this.bars.high - this.bars.low);
      },
      down(what, event) {
        this.$refs.plot.setPointerCapture(event.pointerId);
        this.drag = { what, at: this.value(event), low: this.low, high: this.high };
      },
      move(event) {
        if (!this.drag) return;
        const by = this.value(event) - this.drag.at;
        const moves = { low: [by, 0], high: [0, by], both: [by, by] }[this.drag.what];
        this.put(this.drag.what, this.drag.low + moves[0], this.drag.high + moves[1]);
      },
      put(what, low, high) { // an edge stops before the other one
        const least = Math.min(1, (this.bars.high - this.bars.low) / 1000);
        if (what === "low") low = Math.min(low, high - least);
        if (what === "high") high = Math.max(high, low + least);
        const grain = this.bars.high - this.bars.low > 50 ? 1 : 1000;
        const round = (x) => Math.round(x * grain) / grain;
        live.window = [round((low + high) / 2), Math.max(round(high - low), 1 / grain)];
      },
      key(what, event) {
        const step = { ArrowLeft: -1, ArrowRight: 1, PageDown: -10, PageUp: 10 }[event.key];
        if (!step) return;
        event.preventDefault();
        const by = (step * (this.bars.high - this.bars.low)) / 200;
        this.put(what, this.low + (what === "low" ? by : 0), this.high + (what === "high" ? by : 0));
      },
    },
    template: `
      <svg ref="plot" class="v3-histogram" viewBox="0 0 ${W} ${H}" preserveAspectRatio="none" data-testid="histogram"
        @pointermove="move" @pointerup="drag = null" @pointercancel="drag = null">
        <rect class="v3-window-span" :x="x(low)" y="0" :width="Math.max(0, x(high) - x(low))" height="${H}"
          data-testid="histogram-span" @pointerdown.prevent="down('both', $event)"><title>Drag the window</title></rect>
        <path class="v3-window-bars" :d="path" />
        <g v-for="edge in edges" :key="edge.name" class="v3-edge" role="slider" tabindex="0"
          :aria-label="edge.label" :aria-valuenow="Math.round(edge.value)" :aria-valuemin="Math.round(bars.low)"
          :aria-valuemax="Math.round(bars.high)" :data-testid="'histogram-' + edge.name"
          @pointerdown.prevent.stop="down(edge.name, $event)" @keydown="key(edge.name, $event)">
          <rect :x="edge.x - 6" y="0" width="12" height="${H}" class="v3-edge-grip" />
          <line :x1="edge.x" :x2="edge.x" y1="0" y2="${H}" />
        </g>
      </svg>`,
  };

  window.vis3d_components["window-histogram"] = WindowHistogram;
})();
