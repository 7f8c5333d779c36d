// The structures: what is listed, how each looks, what is done to one, steps back and forth.
(() => {
  const SHAPES = ["smooth", "grow", "shrink", "close", "open"];

  const StructureList = {
    props: ["rows", "hidden", "opacity", "smoothness", "busy", "steps", "done", "plan"],
    emits: ["hidden", "opacity", "smoothness", "act"],
    data: () => ({
      open: 0, naming: 0, name: "", mm: 2, other: 0,
      exporting: false, smooth: 0, budget: 0, format: ".stl",
    }),
    computed: {
      others() { return this.rows.filter((row) => row.exportable && row.label !== this.open); },
    },
    watch: {
      rows() { if (!this.rows.some((row) => row.label === this.open)) this.open = 0; },
    },
    methods: {
      shapes: () => SHAPES,
      shown(row) { return !this.hidden.includes(row.label); },
      toggle(row) {
        this.$emit("hidden", this.shown(row)
          ? [...this.hidden, row.label] : this.hidden.filter((label) => label !== row.label));
      },
      alone(row) {
        const others = this.rows.map((one) => one.label).filter((label) => label !== row.label);
        const already = others.every((label) => this.hidden.includes(label)) && this.shown(row);
        this.$emit("hidden", already ? [] : others);
      },
      fade(row, event) {
        this.$emit("opacity", { ...this.opacity, [row.label]: Number(event.target.value) });
      },
      soften(row, event) {
        this.$emit("smoothness", { ...this.smoothness, [row.label]: Number(event.target.value) });
      },
      colour(row, event) { this.act("recolor", row.label, event.target.value); },
      startNaming(row) {
        if (!row.exportable) return;
        this.naming = row.label;
        this.name = row.name;
        this.$nextTick(() => { const [field] = this.$refs.field || []; field?.focus(); field?.select(); });
      },
      endNaming(row, keep) {
        if (keep && this.naming === row.label && this.name.trim() && this.name !== row.name) {
          this.act("rename", row.label, this.name);
        }
        this.naming = 0;
      },
      act(...what) { this.$emit("act", what); },
      pair(tool) { if (this.other) this.act(tool, this.open, Number(this.other)); },
      reshape(shape) { if (this.mm > 0) this.act("reshape", this.open, shape, this.mm); },
      unfold(row) { this.open = this.open === row.label ? 0 : row.label; this.other = 0; },
    },
    template: `
      <div class="v3-list" role="list">
        <div v-for="row in rows" :key="row.label" class="v3-row" role="listitem" :data-testid="'structure-' + row.name">
          <div class="v3-row-head">
            <button type="button" class="v3-icon" title="Show or hide" :aria-label="'Show or hide ' + row.name"
              :aria-pressed="shown(row)" :data-testid="'visible-' + row.name" @click="toggle(row)" @dblclick="alone(row)">
              <v-icon size="18" :icon="shown(row) ? 'mdi-eye-outline' : 'mdi-eye-off-outline'" />
            </button>
            <input type="color" class="v3-color" :value="row.color" :disabled="!row.exportable" title="Colour"
              :aria-label="'Colour of ' + row.name" :data-testid="'color-' + row.name" @change="colour(row, $event)">
            <input v-if="naming === row.label" ref="field" v-model="name" class="v3-naming" maxlength="60"
              :aria-label="'New name of ' + row.name" data-testid="naming"
              @keydown.enter="endNaming(row, true)" @keydown.esc="endNaming(row, false)" @blur="endNaming(row, true)">
            <span v-else class="v3-row-name" :class="{ 'v3-ours': row.exportable }" :title="row.name" @dblclick="startNaming(row)">{{ row.name }}</span>
            <span class="v3-row-volume" :data-testid="'volume-' + row.name">{{ row.volume }}</span>
            <template v-if="row.exportable">
              <button type="button" class="v3-icon" title="Save as STL" :aria-label="'Save ' + row.name + ' as STL'"
                :disabled="busy" :data-testid="'stl-' + row.name" @click="act('export_stl', row.label)">
                <v-icon size="18" icon="mdi-download" />
              </button>
              <button type="button" class="v3-icon" title="Tools" :aria-label="'Tools for ' + row.name"
                :aria-expanded="open === row.label" :data-testid="'tools-' + row.name" @click="unfold(row)">
                <v-icon size="18" :icon="open === row.label ? 'mdi-chevron-up' : 'mdi-dots-vertical'" />
              </button>
            </template>
          </div>
          <input type="range" min="0" max="1" step="0.05" class="v3-range" :value="opacity[row.label] ?? row.opacity"
            :disabled="!shown(row)" :style="{ accentColor: row.color }" :aria-label="'Opacity of ' + row.name"
            :data-testid="'opacity-' + row.name" @input="fade(row, $event)">
          <fieldset v-if="open === row.label" class="v3-tools" :disabled="busy" data-testid="tools">
            <div class="v3-chips">
              <button type="button" class="v3-chip" data-testid="tool-rename" @click="startNaming(row)">Rename</button>
              <button type="button" class="v3-chip" data-testid="tool-duplicate" @click="act('duplicate', open)">Duplicate</button>
              <button type="button" class="v3-chip" data-testid="tool-delete" @click="act('delete', open)">Delete</button>
              <button type="button" class="v3-chip" data-testid="tool-export" :aria-expanded="exporting" @click="exporting = !exporting">Export …</button>
            </div>
            <label class="v3-slider-line" title="Of the surface on the screen; voxels and files stay as they are">Smooth in 3D
              <input type="range" min="0" max="5" step="0.5" class="v3-range" :value="smoothness[open] ?? 0"
                :aria-label="'Smoothness of ' + row.name" data-testid="tool-smoothness" @change="soften(row, $event)">
              <span data-testid="smoothness-mm">{{ (smoothness[open] ?? 0).toFixed(1) }} mm</span>
            </label>
            <div v-if="exporting" class="v3-export" data-testid="surface-export">
              <div class="v3-tool-line">
                <label>Smooth <input v-model.number="smooth" type="number" min="0" max="10" step="0.5" class="v3-number" data-testid="export-smooth"> mm</label>
                <select v-model.number="budget" class="v3-select" aria-label="Most triangles" data-testid="export-budget">
                  <option :value="0">all triangles</option>
                  <option v-for="most in [1000000, 500000, 200000, 100000, 50000, 20000]" :key="most" :value="most">at most {{ most.toLocaleString("en") }}</option>
                </select>
                <button type="button" class="v3-chip" data-testid="export-prepare" @click="act('prepare_surface', open, smooth || 0, budget)">Prepare</button>
              </div>
              <template v-if="plan && plan.label === open">
                <dl class="v3-plan" data-testid="surface-plan">
                  <dt>Triangles</dt><dd data-testid="plan-triangles">{{ plan.triangles.toLocaleString("en") }}</dd>
                  <dt>Size</dt><dd>{{ plan.size }}</dd>
                  <dt>Volume</dt><dd>{{ plan.volume }}</dd>
                  <dt>Closed</dt><dd data-testid="plan-closed">{{ plan.closed ? "yes" : "no" }}</dd>
                  <dt>Deviation</dt><dd>{{ plan.deviation }}</dd>
                </dl>
                <div class="v3-tool-line">
                  <select v-model="format" class="v3-select" aria-label="Format" data-testid="export-format">
                    <option v-for="one in ['.stl', '.ply', '.obj', '.glb', '.3mf']" :key="one" :value="one">{{ one.slice(1).toUpperCase() }}</option>
                  </select>
                  <button type="button" class="v3-chip v3-strong" data-testid="export-save" @click="act('save_surface', format)">Save</button>
                </div>
              </template>
            </div>
            <div v-if="others.length" class="v3-tool-line">
              <select v-model="other" class="v3-select" aria-label="Other structure" data-testid="tool-other">
                <option :value="0">with …</option>
                <option v-for="one in others" :key="one.label" :value="one.label">{{ one.name }}</option>
              </select>
              <button type="button" class="v3-chip" :disabled="!other" data-testid="tool-merge" @click="pair('merge')">Merge</button>
              <button type="button" class="v3-chip" :disabled="!other" data-testid="tool-subtract" @click="pair('subtract')">Subtract</button>
            </div>
            <div class="v3-tool-line">
              <label><input v-model.number="mm" type="number" min="0.1" max="100" step="0.5" class="v3-number" data-testid="tool-mm"> mm</label>
              <button v-for="shape in shapes()" :key="shape" type="button" class="v3-chip" :data-testid="'tool-' + shape" @click="reshape(shape)">{{ shape }}</button>
            </div>
            <div class="v3-chips">
              <button type="button" class="v3-chip" data-testid="tool-fill" @click="act('fill_holes', open)">Fill holes</button>
              <button type="button" class="v3-chip" title="Keep the piece at the crosshair" data-testid="tool-keep" @click="act('at_point', open, 'keep island')">Keep island</button>
              <button type="button" class="v3-chip" title="Remove the piece at the crosshair" data-testid="tool-remove" @click="act('at_point', open, 'remove island')">Remove island</button>
            </div>
          </fieldset>
        </div>
        <p v-if="!rows.length" class="v3-dim">Nothing is segmented yet.</p>
        <div v-if="steps.length" class="v3-tool-line v3-steps">
          <button type="button" class="v3-chip" :disabled="busy || !done" data-testid="undo" title="Undo (Ctrl Z)" @click="act('undo')">Undo</button>
          <button type="button" class="v3-chip" :disabled="busy || done === steps.length" data-testid="redo" title="Redo (Ctrl Y)" @click="act('redo')">Redo</button>
          <details class="v3-details v3-history">
            <summary data-testid="history">{{ done }} {{ done === 1 ? "step" : "steps" }}</summary>
            <ol><li v-for="(step, n) in steps" :key="n" :class="{ 'v3-undone': n >= done }"><button type="button" class="v3-step" :disabled="busy" :aria-current="n + 1 === done ? 'step' : undefined" title="Go to where this was done last" :data-testid="'step-' + (n + 1)" @click="act('stand_at', n + 1)">{{ step }}</button></li></ol>
          </details>
        </div>
      </div>`,
  };

  // Adds a structure by values, which 3D and the slices show while they are chosen: a range,
  // what lies inside an isosurface, or what is connected with the crosshair's place.
  const AddByValue = {
    props: ["busy", "unit", "limits"],
    emits: ["act"],
    data: () => ({ by: "range", low: 200, high: 3000, open: false, shown: false }),
    computed: {
      sound() {
        return Number.isFinite(this.low) && (this.by === "level" || (Number.isFinite(this.high) && this.low <= this.high));
      },
    },
    watch: {
      low() { this.soon(); }, high() { this.soon(); },
      open() { this.shown = this.open; },
      by() { if (this.shown) { this.clear(); this.tell(); } },
      shown() { if (this.shown) this.tell(); else this.clear(); },
      limits: {
        immediate: true,
        handler() {
          if (!this.limits || this.unit === "HU") return;
          this.low = Math.round((this.limits.low + this.limits.high) / 2);
          this.high = Math.round(this.limits.high);
        },
      },
    },
    mounted() { this.clear(); }, // what a page that is gone was choosing
    unmounted() { if (this.shown) this.clear(); },
    methods: {
      soon() { // at most ten times a second: each asks for three slices
        if (!this.open || this.timer) return;
        this.timer = setTimeout(() => {
          this.timer = 0;
          if (this.shown) this.tell(); else this.shown = this.open;
        }, 100);
      },
      clear() { this.$emit("act", ["preview_range"]); this.$emit("act", ["preview_level"]); },
      tell() {
        if (!this.shown || !this.sound) this.clear();
        else if (this.by === "level") this.$emit("act", ["preview_level", this.low]);
        else this.$emit("act", ["preview_range", this.low, this.high]);
      },
      add(tool) {
        if (!this.sound) return;
        this.shown = false;
        this.$emit("act", this.by === "level" ? [tool, this.low] : [tool, this.low, this.high]);
      },
    },
    template: `
      <details class="v3-details" @toggle="open = $event.target.open">
        <summary data-testid="by-value">Add by value</summary>
        <fieldset class="v3-tools" :disabled="busy">
          <div class="v3-chips" role="group" aria-label="By">
            <button type="button" class="v3-chip" :class="{ 'v3-on': by === 'range' }" :aria-pressed="by === 'range'" data-testid="by-range" @click="by = 'range'; shown = true">Range</button>
            <button type="button" class="v3-chip" :class="{ 'v3-on': by === 'level' }" :aria-pressed="by === 'level'" data-testid="by-level" @click="by = 'level'; shown = true">Isosurface</button>
          </div>
          <div class="v3-tool-line">
            <label>{{ by === "level" ? "Level" : "From" }} <input v-model.number="low" type="number" class="v3-number" data-testid="value-low"></label>
            <label v-if="by === 'range'">to <input v-model.number="high" type="number" class="v3-number" data-testid="value-high"></label> {{ unit }}
          </div>
          <input v-model.number="low" type="range" class="v3-range v3-wide-range" :min="limits.low" :max="limits.high" :aria-label="by === 'level' ? 'Level' : 'From'" data-testid="value-low-range">
          <input v-if="by === 'range'" v-model.number="high" type="range" class="v3-range v3-wide-range" :min="limits.low" :max="limits.high" aria-label="To">
          <div v-if="by === 'range'" class="v3-chips">
            <button type="button" class="v3-chip v3-strong" :disabled="!sound" data-testid="add-threshold" @click="add('add_threshold')">All such voxels</button>
            <button type="button" class="v3-chip" :disabled="!sound" title="What is connected with the crosshair's place" data-testid="grow-region" @click="add('grow_region')">Grow from crosshair</button>
          </div>
          <div v-else class="v3-chips">
            <button type="button" class="v3-chip v3-strong" :disabled="!sound" data-testid="add-level" @click="add('add_level')">Add what is inside</button>
          </div>
        </fieldset>
      </details>`,
  };

  // Ctrl Z and Ctrl Y (or Ctrl Shift Z) wherever nothing is being typed.
  const keys = (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
    if (event.target.matches?.("input:not([type=range]), textarea, select")) return;
    const key = event.key.toLowerCase();
    const tool = key === "y" || (key === "z" && event.shiftKey) ? "redo" : key === "z" ? "undo" : "";
    const button = tool && document.querySelector(`[data-testid=${tool}]`);
    if (!button) return;
    event.preventDefault();
    button.click();
  };

  window.vis3d_structures = {
    install(app) {
      app.component("structure-list", StructureList);
      app.component("add-by-value", AddByValue);
      document.addEventListener("keydown", keys);
    },
  };
})();
