// A transfer function drawn over the histogram: points are dragged, added, removed, coloured.
(() => {
  const W = 260, H = 110, PAD = 6;
  const clamp = (x, low, high) => Math.min(Math.max(x, low), high);
  const hex = (rgb) => "#" + rgb.map((x) => Math.round(x * 255).toString(16).padStart(2, "0")).join("");
  const rgb = (text) => [1, 3, 5].map((n) => parseInt(text.slice(n, n + 2), 16) / 255);

  const TransferEditor = {
    props: ["points", "histogram"],
    emits: ["change"],
    data: () => ({ chosen: 0, own: null }),
    computed: {
      rows() { return this.own || this.points || []; },
      row() { return this.rows[this.chosen]; },
      span() { return this.histogram.high - this.histogram.low; },
      // Opacities of a few hundredths matter as much as large ones: the axis is a cube root.
      dots() {
        return this.rows.map(([value, r, g, b, opacity], n) => ({
          n, x: this.x(value), y: this.y(opacity), fill: hex([r, g, b]),
        }));
      },
      line() {
        if (!this.dots.length) return "";
        const first = this.dots[0], last = this.dots[this.dots.length - 1];
        return `${PAD},${first.y} ${this.dots.map((d) => `${d.x},${d.y}`).join(" ")} ${W - PAD},${last.y}`;
      },
      bars() {
        const wide = (W - 2 * PAD) / this.histogram.bars.length;
        return this.histogram.bars.map((height, n) => {
          const h = height * (H - 2 * PAD);
          return `M${PAD + n * wide} ${H - PAD}v${-h}h${wide}v${h}z`;
        }).join("");
      },
    },
    watch: { points() { this.own = null; this.chosen = clamp(this.chosen, 0, Math.max(0, this.rows.length - 1)); } },
    methods: {
      x(value) { return clamp(PAD + ((value - this.histogram.low) / this.span) * (W - 2 * PAD), PAD, W - PAD); },
      y(opacity) { return H - PAD - Math.cbrt(opacity) * (H - 2 * PAD); },
      at(event) {
        const box = this.$refs.plot.getBoundingClientRect();
        const x = ((event.clientX - box.left) / box.width) * W;
        const y = ((event.clientY - box.top) / box.height) * H;
        const value = this.histogram.low + ((x - PAD) / (W - 2 * PAD)) * this.span;
        return { value: Math.round(value), opacity: clamp((H - PAD - y) / (H - 2 * PAD), 0, 1) ** 3 };
      },
      place(n, value, opacity) { // a point stays between its neighbours
        const rows = this.rows.map((row) => [...row]);
        const low = n > 0 ? rows[n - 1][0] + 1 : -100000;
        const high = n < rows.length - 1 ? rows[n + 1][0] - 1 : 100000;
        rows[n][0] = clamp(value, low, Math.max(low, high));
        rows[n][4] = Math.round(clamp(opacity, 0, 1) * 10000) / 10000;
        this.say(rows);
      },
      say(rows) { this.own = rows; this.$emit("change", rows); },
      down(n, event) {
        this.chosen = n;
        this.dragging = true;
        this.$refs.plot.setPointerCapture(event.pointerId);
      },
      move(event) {
        if (!this.dragging) return;
        const { value, opacity } = this.at(event);
        this.place(this.chosen, value, opacity);
      },
      up() { this.dragging = false; },
      add(event) {
        const { value, opacity } = this.at(event);
        if (this.rows.length >= 32 || this.rows.some((row) => row[0] === value)) return;
        let after = this.rows.findIndex((row) => row[0] > value);
        if (after < 0) after = this.rows.length;
        const near = this.rows[Math.max(0, after - 1)];
        const rows = this.rows.map((row) => [...row]);
        rows.splice(after, 0, [value, near[1], near[2], near[3], opacity]);
        this.chosen = after;
        this.say(rows);
      },
      remove(n) {
        if (this.rows.length <= 2) return;
        this.chosen = Math.max(0, n - 1);
        this.say(this.rows.filter((_, m) => m !== n));
      },
      key(n, event) {
        const by = { ArrowLeft: [-10, 0], ArrowRight: [10, 0], ArrowUp: [0, 0.02], ArrowDown: [0, -0.02] }[event.key];
        this.chosen = n;
        if (event.key === "Delete" || event.key === "Backspace") this.remove(n);
        else if (by) this.place(n, this.rows[n][0] + by[0], this.rows[n][4] + by[1]);
        else return;
        event.preventDefault();
      },
      colour(event) {
        const rows = this.rows.map((row) => [...row]);
        rows[this.chosen].splice(1, 3, ...rgb(event.target.value));
        this.say(rows);
      },
      typed(column, event) {
        const number = Number(event.target.value);
        if (event.target.value === "" || !Number.isFinite(number)) return;
        if (column === 0) this.place(this.chosen, number, this.row[4]);
        else this.place(this.chosen, this.row[0], number);
      },
      hex,
    },
    template: `
      <div class="v3-transfer" data-testid="transfer">
        <svg ref="plot" viewBox="0 0 ${W} ${H}" @pointermove="move" @pointerup="up" @pointercancel="up"
          @dblclick.self="add" role="group" aria-label="Transfer function" data-testid="transfer-plot">
          <path class="v3-bars" :d="bars" pointer-events="none" />
          <polyline class="v3-curve" :points="line" pointer-events="none" />
          <circle v-for="dot in dots" :key="dot.n" :cx="dot.x" :cy="dot.y" :r="dot.n === chosen ? 6 : 4.5"
            :fill="dot.fill" :class="{ 'v3-on': dot.n === chosen }" tabindex="0" role="slider"
            :aria-label="'Point at ' + rows[dot.n][0]" :aria-valuenow="rows[dot.n][4]"
            :data-testid="'transfer-point-' + dot.n"
            @pointerdown.prevent.stop="down(dot.n, $event)" @dblclick.stop="remove(dot.n)" @keydown="key(dot.n, $event)" />
        </svg>
        <div v-if="row" class="v3-transfer-row">
          <input type="color" :value="hex(row.slice(1, 4))" @input="colour" aria-label="Colour of the point" data-testid="transfer-colour">
          <label>Value <input type="number" :value="row[0]" @change="typed(0, $event)" data-testid="transfer-value"></label>
          <label>Opacity <input type="number" step="0.01" min="0" max="1" :value="row[4]" @change="typed(4, $event)" data-testid="transfer-opacity"></label>
        </div>
        <p class="v3-dim">Double-click adds a point or removes one. Opacity is that of 1 mm.</p>
      </div>`,
  };

  window.vis3d_transfer = { install(app) { app.component("transfer-editor", TransferEditor); } };
})();
