// The bars between the views: dragging one gives the views beside it more or less room.
(() => {
  const { clamp } = window.vis3d_vectors;
  const STEP = 0.02;

  const SplitBars = {
    props: ["layout"],
    data: () => ({ x: 0.5, y: 0.5, drag: "" }),
    computed: {
      bars() { return { grid: ["x", "y"], large: ["x"] }[this.layout] || []; },
    },
    watch: {
      layout() { this.x = this.layout === "large" ? 0.72 : 0.5; this.y = 0.5; this.place(); },
    },
    mounted() { this.x = this.layout === "large" ? 0.72 : 0.5; this.place(); },
    methods: {
      place() {
        const views = this.$el.parentElement;
        if (!views) return;
        for (const axis of ["x", "y"]) {
          views.style.setProperty(`--split-${axis}`, `${this[axis]}fr`);
          views.style.setProperty(`--rest-${axis}`, `${1 - this[axis]}fr`);
        }
      },
      put(axis, share) { this[axis] = clamp(share, 0.15, 0.85); this.place(); },
      move(axis, event) {
        if (this.drag !== axis) return;
        const box = this.$el.parentElement.getBoundingClientRect();
        this.put(axis, axis === "x"
          ? (event.clientX - box.left) / box.width : (event.clientY - box.top) / box.height);
      },
      key(axis, event) {
        const by = { ArrowLeft: -STEP, ArrowUp: -STEP, ArrowRight: STEP, ArrowDown: STEP }[event.key];
        if (!by) return;
        event.preventDefault();
        this.put(axis, this[axis] + by);
      },
    },
    template: `
      <div class="v3-splits">
        <div v-for="axis in bars" :key="axis" class="v3-split" :class="'v3-split-' + axis" role="separator" tabindex="0"
          :style="{ [axis === 'x' ? 'left' : 'top']: 100 * (axis === 'x' ? x : y) + '%' }"
          :aria-orientation="axis === 'x' ? 'vertical' : 'horizontal'"
          :aria-label="axis === 'x' ? 'Width of the views' : 'Height of the views'"
          :aria-valuenow="Math.round(100 * (axis === 'x' ? x : y))" aria-valuemin="15" aria-valuemax="85"
          :data-testid="'split-' + axis"
          @pointerdown.prevent="drag = axis; $event.target.setPointerCapture($event.pointerId)"
          @pointermove="move(axis, $event)" @pointerup="drag = ''" @pointercancel="drag = ''"
          @dblclick="put(axis, 0.5)" @keydown="key(axis, $event)"></div>
      </div>`,
  };

  window.vis3d_components["split-bars"] = SplitBars;
})();
