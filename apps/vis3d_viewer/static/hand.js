// What a hand draws: measurements and corrections, over the slices and over 3D. A stroke is
// seen at once as it is drawn; the server hears of it when the hand lets go.
(() => {
  const { add, sub, dot, unit } = window.vis3d_vectors;
  const live = window.vis3d_live;
  const NEAR = 0.75; // of a slice: marks are shown on the slices that they lie on
  const hand = Vue.reactive({
    tool: "none", label: 0, radius: 6, ball: true, limited: false, low: -200, high: 300,
    side: "inside", through: false, color: "#5aa9e6", marks: [],
  });
  window.vis3d_hand = hand;
  const MEASURES = ["distance", "angle", "ellipse", "polygon"];
  const STROKES = ["brush", "eraser"];
  const OUTLINES = ["polygon", "scissors"];
  const KINDS = { distance: "Distance", angle: "Angle", ellipse: "Ellipse", polygon: "Outline" };
  const HELP = {
    distance: "Drag from one end to the other.",
    angle: "Click on one side, on the vertex, on the other side.",
    ellipse: "Drag a box round the region.",
    polygon: "Draw round the region.",
    brush: "Drag over what belongs to the structure.",
    eraser: "Drag over what doesn't belong to it.",
    scissors: "Draw round what is to go, in a slice or in 3D.",
  };

  // Over one slice: its parent is the slice view, whose place and scale it draws by.
  const HandLayer = {
    data: () => ({ points: [], held: null }),
    computed: {
      view() { return this.$parent; },
      map() { return this.view.map; },
      busy() { return hand.tool !== "none"; },
      normal() { return unit(this.map.slice); },
      here() {
        return hand.marks.map((mark) => {
          const held = this.held && this.held.number === mark.number;
          const points = mark.points.map((point, n) => (held && this.held.which === n ? this.held.point : point));
          return { ...mark, points };
        }).filter((mark) => mark.points.every((point) => Math.abs(this.depth(point)) <= NEAR))
          .map((mark) => this.shape(mark, mark.points.map(this.toScreen)));
      },
      drawing() { // what the hand draws just now
        const spots = this.points.map(this.toScreen);
        if (!spots.length) return null;
        if (STROKES.includes(hand.tool)) return { line: spots, wide: 2 * hand.radius * this.view.perMm };
        if (hand.tool === "ellipse") return this.shape({ kind: "ellipse" }, this.ellipse().map(this.toScreen));
        return { line: OUTLINES.includes(hand.tool) ? [...spots, spots[0]] : spots };
      },
    },
    watch: { "hand.tool"() { this.points = []; } },
    methods: {
      depth(point) { // in slices, from the one that is shown
        const offset = sub(point, this.map.first);
        return dot(offset, this.map.slice) / dot(this.map.slice, this.map.slice) - this.view.place[2];
      },
      toScreen(point) {
        const offset = sub(point, this.map.first), { frame } = this.view;
        const column = dot(offset, this.map.column) / dot(this.map.column, this.map.column);
        const row = dot(offset, this.map.row) / dot(this.map.row, this.map.row);
        return {
          x: frame.x + ((column + 0.5) / this.map.columns) * frame.w,
          y: frame.y + ((row + 0.5) / this.map.rows) * frame.h,
        };
      },
      shape(mark, spots) {
        if (mark.kind !== "ellipse") {
          return { mark, spots, line: mark.kind === "polygon" ? [...spots, spots[0]] : spots };
        }
        const [c, a, b] = spots;
        const line = Array.from({ length: 49 }, (_, n) => {
          const [x, y] = [Math.cos((n * Math.PI) / 24), Math.sin((n * Math.PI) / 24)];
          return { x: c.x + x * (a.x - c.x) + y * (b.x - c.x), y: c.y + x * (a.y - c.y) + y * (b.y - c.y) };
        });
        return { mark, spots, line };
      },
      ellipse() { // from two opposite corners: centre and the ends of two half axes
        const [one, other] = [this.points[0], this.points[this.points.length - 1]];
        const [right, down] = [unit(this.map.column), unit(this.map.row)];
        const across = sub(other, one), center = add(one, across, 0.5);
        const half = (axis) => add(center, axis, Math.max(Math.abs(dot(across, axis)) / 2, 0.1));
        return [center, half(right), half(down)];
      },
      path: (line) => line.map(({ x, y }) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" "),
      down(event) {
        if (event.button !== 0 || event.shiftKey || !event.isPrimary) return; // pan and zoom as ever
        const lps = this.view.lpsAt(event);
        if (!lps) return;
        event.stopPropagation();
        event.preventDefault();
        this.$refs.layer.setPointerCapture(event.pointerId);
        if (hand.tool === "angle") this.points.push(lps);
        else this.points = [lps];
        this.pressed = true;
      },
      move(event) {
        if (!this.pressed) return;
        event.stopPropagation();
        const lps = this.view.lpsAt(event);
        if (!lps || hand.tool === "angle") return;
        if (hand.tool === "distance" || hand.tool === "ellipse") this.points = [this.points[0], lps];
        else if (this.points.length < 2000) this.points.push(lps);
      },
      up(event) {
        if (!this.pressed) return;
        event.stopPropagation();
        this.pressed = false;
        const points = this.points;
        if (hand.tool === "angle") { if (points.length === 3) { this.points = []; this.send("mark", "angle", points); } return; }
        this.points = [];
        if (STROKES.includes(hand.tool)) {
          if (!hand.label) return;
          const values = hand.limited ? [hand.low, hand.high] : null;
          this.send("stroke", hand.tool, hand.label, points, hand.radius, hand.ball ? null : this.normal, values);
        } else if (hand.tool === "scissors") {
          if (hand.label && points.length > 2) this.send("cut_outline", hand.label, points, this.normal, hand.side, hand.through);
        } else if (hand.tool === "polygon") {
          if (points.length > 2) this.send("mark", "polygon", points);
        } else if (points.length === 2) {
          if (hand.tool === "distance") this.send("mark", "distance", points);
          else { this.points = points; const ends = this.ellipse(); this.points = []; this.send("mark", "ellipse", ends); }
        }
      },
      cancel() { this.points = []; this.pressed = false; },
      grab(mark, which, event) {
        event.target.setPointerCapture(event.pointerId);
        this.held = { number: mark.number, which, point: mark.points[which] };
      },
      drag(event) {
        const lps = this.held && this.view.lpsAt(event);
        if (lps) this.held = { ...this.held, point: lps };
      },
      drop() {
        const held = this.held;
        if (!held) return;
        this.send("move_mark", held.number, held.which, held.point);
        setTimeout(() => { if (this.held === held) this.held = null; }, 400); // until the server says so
      },
      movable: (mark) => mark.kind === "distance" || mark.kind === "angle",
      send(name, ...what) { window.trame.trigger(name, what); },
    },
    setup: () => ({ hand }),
    template: `
      <svg ref="layer" class="v3-hand" :class="{ 'v3-busy': busy }" :data-testid="'hand-' + view.plane"
        @pointerdown="busy && down($event)" @pointermove="move" @pointerup="up" @pointercancel="cancel" @dblclick="busy && $event.stopPropagation()">
        <g v-for="one in here" :key="one.mark.number" class="v3-mark" :data-testid="'mark-' + one.mark.number">
          <polyline :points="path(one.line)" />
          <text :x="one.spots[one.spots.length - 1].x + 8" :y="one.spots[one.spots.length - 1].y - 8">{{ one.mark.text }}</text>
          <template v-if="movable(one.mark)">
            <circle v-for="(spot, n) in one.spots" :key="n" :cx="spot.x" :cy="spot.y" r="5" :data-testid="'handle-' + one.mark.number + '-' + n"
              @pointerdown.stop.prevent="grab(one.mark, n, $event)" @pointermove.stop="drag" @pointerup.stop="drop" />
          </template>
        </g>
        <g v-if="drawing" class="v3-drawing">
          <polyline :points="path(drawing.line)" :style="drawing.wide ? { stroke: hand.color, strokeWidth: drawing.wide, opacity: .5 } : {}" />
          <circle v-if="drawing.wide && drawing.line.length === 1" :cx="drawing.line[0].x" :cy="drawing.line[0].y" :r="drawing.wide / 2" :style="{ fill: hand.color, opacity: .5 }" />
        </g>
      </svg>`,
  };

  // Over the 3D view while scissors are in the hand.
  const HandOver3D = {
    data: () => ({ points: [] }),
    setup: () => ({ hand }),
    methods: {
      spot(event) {
        const box = this.$refs.layer.getBoundingClientRect();
        return { x: (2 * (event.clientX - box.left)) / box.width - 1, y: 1 - (2 * (event.clientY - box.top)) / box.height };
      },
      down(event) {
        if (event.button !== 0) return;
        this.$refs.layer.setPointerCapture(event.pointerId);
        this.points = [this.spot(event)];
      },
      move(event) { if (this.points.length && this.points.length < 2000) this.points.push(this.spot(event)); },
      up() {
        const points = this.points.map(({ x, y }) => [x, y]);
        this.points = [];
        if (points.length > 2 && hand.label) window.trame.trigger("cut_view", [hand.label, points, hand.side]);
      },
    },
    computed: {
      path() { return [...this.points, ...this.points.slice(0, 1)].map(({ x, y }) => `${x},${-y}`).join(" "); },
    },
    template: `
      <svg v-if="hand.tool === 'scissors'" ref="layer" class="v3-hand v3-busy" viewBox="-1 -1 2 2" preserveAspectRatio="none" data-testid="hand-3d"
        @pointerdown.stop.prevent="down" @pointermove.stop="move" @pointerup.stop="up" @wheel.stop>
        <g class="v3-drawing"><polyline :points="path" /></g>
      </svg>`,
  };

  // The panel's part: what is in the hand, and what was measured.
  const HandTools = {
    props: ["rows", "marks", "unit"],
    emits: ["act"],
    data: () => ({ naming: 0, name: "" }),
    setup: () => ({ hand }),
    computed: {
      structures() { return this.rows.filter((row) => row.exportable); },
      corrects() { return STROKES.includes(hand.tool) || hand.tool === "scissors"; },
    },
    watch: {
      marks: { immediate: true, handler(marks) { hand.marks = marks; } },
      structures: { immediate: true, handler() { this.choose(); } },
      "hand.label"() { this.choose(); },
    },
    created() {
      this.escape = (event) => { if (event.key === "Escape" && hand.tool !== "none") hand.tool = "none"; };
      document.addEventListener("keydown", this.escape);
    },
    unmounted() { document.removeEventListener("keydown", this.escape); hand.tool = "none"; },
    methods: {
      kinds: () => KINDS,
      help: () => HELP[hand.tool],
      take(tool) { hand.tool = hand.tool === tool ? "none" : tool; },
      choose() {
        const row = this.structures.find((one) => one.label === hand.label) || this.structures[0];
        hand.label = row ? row.label : 0;
        hand.color = row ? row.color : "#5aa9e6";
      },
      act(...what) { this.$emit("act", what); },
      start(mark) { this.naming = mark.number; this.name = mark.name; },
      end(mark, keep) {
        if (keep && this.naming === mark.number && this.name !== mark.name) this.act("rename_mark", mark.number, this.name);
        this.naming = 0;
      },
      go(mark) { live.crosshair = [...mark.points[0]]; },
    },
    template: `
      <div>
        <div class="v3-chips" role="group" aria-label="Measure">
          <button v-for="(title, kind) in kinds()" :key="kind" type="button" class="v3-chip" :class="{ 'v3-on': hand.tool === kind }"
            :aria-pressed="hand.tool === kind" :data-testid="'hand-tool-' + kind" @click="take(kind)">{{ title }}</button>
        </div>
        <div v-if="structures.length" class="v3-chips v3-correct" role="group" aria-label="Correct">
          <button v-for="kind in ['brush', 'eraser', 'scissors']" :key="kind" type="button" class="v3-chip v3-ours" :class="{ 'v3-on': hand.tool === kind }"
            :aria-pressed="hand.tool === kind" :data-testid="'hand-tool-' + kind" @click="take(kind)">{{ kind }}</button>
        </div>
        <p v-if="help()" class="v3-dim v3-small">{{ help() }} Esc puts it down.</p>
        <div v-if="corrects" class="v3-tools">
          <select v-model.number="hand.label" class="v3-select" aria-label="Structure" data-testid="hand-structure">
            <option v-for="row in structures" :key="row.label" :value="row.label">{{ row.name }}</option>
          </select>
          <template v-if="hand.tool !== 'scissors'">
            <div class="v3-tool-line">
              <label>Radius <input v-model.number="hand.radius" type="number" min="0.5" max="60" step="0.5" class="v3-number" data-testid="hand-radius"> mm</label>
              <label><input v-model="hand.ball" type="checkbox" data-testid="hand-ball"> ball</label>
            </div>
            <div class="v3-tool-line">
              <label><input v-model="hand.limited" type="checkbox" data-testid="hand-limited"> only</label>
              <input v-model.number="hand.low" type="number" class="v3-number" aria-label="From" :disabled="!hand.limited"> to
              <input v-model.number="hand.high" type="number" class="v3-number" aria-label="To" :disabled="!hand.limited"> {{ unit }}
            </div>
          </template>
          <div v-else class="v3-tool-line">
            <select v-model="hand.side" class="v3-select" aria-label="What goes"><option value="inside">inside goes</option><option value="outside">outside goes</option></select>
            <label><input v-model="hand.through" type="checkbox" data-testid="hand-through"> all slices</label>
          </div>
        </div>
        <div v-for="mark in marks" :key="mark.number" class="v3-row-head" :data-testid="'listed-' + mark.number">
          <input v-if="naming === mark.number" v-model="name" class="v3-naming" maxlength="60" aria-label="New name"
            @keydown.enter="end(mark, true)" @keydown.esc.stop="end(mark, false)" @blur="end(mark, true)">
          <button v-else type="button" class="v3-row-name v3-mark-name" title="Go there; double-click names it" @click="go(mark)" @dblclick="start(mark)">{{ mark.name }}</button>
          <span class="v3-row-volume" :data-testid="'value-' + mark.number">{{ mark.text }}</span>
          <button type="button" class="v3-icon" :aria-label="'Delete ' + mark.name" title="Delete" :data-testid="'delete-mark-' + mark.number" @click="act('delete_mark', mark.number)">
            <v-icon size="16" icon="mdi-close" />
          </button>
        </div>
        <div v-if="marks.length" class="v3-chips v3-correct">
          <button type="button" class="v3-chip" data-testid="save-marks-csv" @click="act('save_marks', '.csv')">CSV</button>
          <button type="button" class="v3-chip" data-testid="save-marks-json" @click="act('save_marks', '.json')">JSON</button>
        </div>
      </div>`,
  };

  window.vis3d_hand_tools = {
    install(app) {
      app.component("hand-layer", HandLayer);
      app.component("hand-over3d", HandOver3D);
      app.component("hand-tools", HandTools);
    },
  };
})();
