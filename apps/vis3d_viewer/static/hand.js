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
    distance: "Drag from one end to the other; in 3D click on both.",
    angle: "Click on one side, on the vertex, on the other side; in 3D too.",
    ellipse: "Drag a box round the region.",
    polygon: "Draw round the region.",
    brush: "Drag over what belongs to the structure.",
    eraser: "Drag over what doesn't belong to it.",
    scissors: "Draw round what is to go, in a slice or in 3D.",
  };

  // What a mark looks like, in LPS mm: a line through these points.
  const markLine = ({ kind, points }) => {
    if (kind === "polygon") return [...points, points[0]];
    if (kind !== "ellipse") return points;
    const [center, first, second] = points;
    const [a, b] = [sub(first, center), sub(second, center)];
    return Array.from({ length: 49 }, (_, n) =>
      add(add(center, a, Math.cos((n * Math.PI) / 24)), b, Math.sin((n * Math.PI) / 24)));
  };

  // The points of a mark while one is dragged, as the server will have them (measuring.moved).
  const movedPoints = ({ kind, points }, which, to) => {
    if (kind === "polygon" || (kind === "ellipse" && which === 0)) {
      const by = sub(to, points[which]);
      return points.map((point) => add(point, by));
    }
    if (kind === "ellipse") {
      const axis = unit(sub(points[which], points[0]));
      const length = Math.max(Math.abs(dot(sub(to, points[0]), axis)), 0.5);
      to = add(points[0], axis, length);
    }
    return points.map((point, n) => (n === which ? to : point));
  };
  window.vis3d_marks = { markLine, movedPoints };

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
          return held ? { ...mark, points: movedPoints(mark, this.held.which, this.held.point) } : mark;
        }).filter((mark) => mark.points.every((point) => Math.abs(this.depth(point)) <= NEAR))
          .map((mark) => this.shape(mark));
      },
      drawing() { // what the hand draws just now
        const spots = this.points.map(this.toScreen);
        if (!spots.length) return null;
        if (STROKES.includes(hand.tool)) return { line: spots, wide: 2 * hand.radius * this.view.perMm };
        if (hand.tool === "ellipse") return this.shape({ kind: "ellipse", points: this.ellipse() });
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
      shape(mark) {
        return { mark, spots: mark.points.map(this.toScreen), line: markLine(mark).map(this.toScreen) };
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
      handles: (mark) => (mark.kind === "polygon" ? [0] : mark.points.map((_, n) => n)),
      send(name, ...what) { window.trame.trigger(name, what); },
    },
    setup: () => ({ hand }),
    template: `
      <svg ref="layer" class="v3-hand" :class="{ 'v3-busy': busy }" :data-testid="'hand-' + view.plane"
        @pointerdown="busy && down($event)" @pointermove="move" @pointerup="up" @pointercancel="cancel" @dblclick="busy && $event.stopPropagation()">
        <g v-for="one in here" :key="one.mark.number" class="v3-mark" :data-testid="'mark-' + one.mark.number">
          <polyline :points="path(one.line)" />
          <text :x="one.spots[one.spots.length - 1].x + 8" :y="one.spots[one.spots.length - 1].y - 8">{{ one.mark.text }}</text>
          <circle v-for="n in handles(one.mark)" :key="n" :cx="one.spots[n].x" :cy="one.spots[n].y" r="5" :data-testid="'handle-' + one.mark.number + '-' + n"
            @pointerdown.stop.prevent="grab(one.mark, n, $event)" @pointermove.stop="drag" @pointerup.stop="drop" />
        </g>
        <g v-if="drawing" class="v3-drawing">
          <polyline :points="path(drawing.line)" :style="drawing.wide ? { stroke: hand.color, strokeWidth: drawing.wide, opacity: .5 } : {}" />
          <circle v-if="drawing.wide && drawing.line.length === 1" :cx="drawing.line[0].x" :cy="drawing.line[0].y" :r="drawing.wide / 2" :style="{ fill: hand.color, opacity: .5 }" />
        </g>
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
      app.component("hand-over3d", window.vis3d_hand_over_3d);
      app.component("hand-tools", HandTools);
    },
  };
})();
