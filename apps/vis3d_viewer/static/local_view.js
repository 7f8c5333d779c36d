// Surfaces drawn on this computer, by vtk.js (which comes with trame-vtk): over the server's
// picture, whenever surfaces alone are shown. Both cameras stand at the same place.
(() => {
  const { sub, dot, cross, unit, add } = window.vis3d_vectors;
  const live = window.vis3d_live;
  const SCRIPT = "vtkjs/trame-vtk.js";
  const CLICK_PX = 4, BACKGROUND = [18 / 255, 22 / 255, 28 / 255];
  const HANDS = [
    { button: 1, action: "Rotate" }, { button: 1, action: "Pan", shift: true },
    { button: 2, action: "Pan" }, { button: 3, action: "Zoom", scrollEnabled: true },
  ];
  const LETTERS = [["L", [1, 0, 0]], ["R", [-1, 0, 0]], ["P", [0, 1, 0]], ["A", [0, -1, 0]], ["S", [0, 0, 1]], ["I", [0, 0, -1]]];

  let loading = null;
  const loadVtk = (app) => {
    loading = loading || new Promise((done, failed) => {
      const script = document.createElement("script");
      script.src = SCRIPT;
      script.onload = () => { app.use(window.vue_vtk); done(); };
      script.onerror = () => { loading = null; failed(new Error("vtk.js")); };
      document.head.append(script);
    });
    return loading;
  };

  // A surface as the server packs it (drawn_here.packed).
  const unpacked = (buffer) => {
    const [points, cells] = new Uint32Array(buffer, 0, 2);
    return Vue.markRaw({
      triangles: cells,
      points: new Float32Array(buffer, 8, 3 * points),
      normals: new Float32Array(buffer, 8 + 12 * points, 3 * points),
      polys: new Uint32Array(buffer, 8 + 24 * points, 4 * cells),
    });
  };

  // The camera's matrix from LPS mm to the view, row by row, as the server's is.
  const matrixOf = (camera, aspect) => {
    const ahead = unit(sub(camera.focalPoint, camera.position));
    const right = unit(cross(ahead, camera.viewUp)), up = cross(right, ahead);
    const half = camera.parallelProjection ? camera.parallelScale : Math.tan((camera.viewAngle * Math.PI) / 360);
    const row = (axis, by) => [...axis.map((x) => x / by), -dot(axis, camera.position) / by];
    const last = camera.parallelProjection ? [0, 0, 0, 1] : row(ahead, 1);
    return [...row(right, half * aspect), ...row(up, half), ...row(ahead, 1), ...last];
  };

  // Within vtk-view: holds its camera, and tells where it stands.
  const LocalCamera = {
    props: ["camera"],
    emits: ["moved"],
    inject: ["view"],
    render: () => null,
    created() {
      this.view.resetCamera = () => {}; // it stands where the server's stands
      this.told = () => this.$emit("moved", this.now());
      const { interactor } = this.view;
      this.ends = ["onAnimation", "onEndAnimation", "onEndMouseWheel", "onMouseWheel"].map((name) => interactor[name](this.told));
    },
    mounted() { this.place(); },
    unmounted() { for (const end of this.ends) end.unsubscribe(); },
    watch: { camera() { this.place(); } },
    methods: {
      now() {
        const camera = this.view.renderer.getActiveCamera();
        return camera.get("position", "focalPoint", "viewUp", "viewAngle", "parallelScale", "parallelProjection");
      },
      place() {
        const { position, by, ...rest } = this.camera;
        if (!position || by === window.vis3d_me) return;
        const camera = this.view.renderer.getActiveCamera();
        camera.set({ ...rest, position });
        this.view.style.setCenterOfRotation(rest.focalPoint);
        this.view.render();
        this.told();
      },
    },
  };

  const LocalView = {
    components: { LocalCamera },
    props: ["layers", "camera"],
    data: () => ({ ready: false, failed: false, surfaces: {}, box: { w: 1, h: 1 }, letters: [] }),
    setup: () => ({ BACKGROUND, HANDS }),
    computed: {
      drawn() { return this.layers.filter((layer) => this.surfaces[layer.key]).map((layer) => ({ ...layer, surface: this.surfaces[layer.key] })); },
      triangles() { return this.drawn.reduce((sum, one) => sum + one.surface.triangles, 0); },
      state() { return this.failed ? "failed" : this.ready && this.drawn.length === this.layers.length ? "fine" : "waiting"; },
    },
    watch: { layers: { immediate: true, handler() { this.fetch(); } } },
    async created() {
      try {
        if (!document.createElement("canvas").getContext("webgl2")) throw new Error("no WebGL");
        await loadVtk(this.$.appContext.app);
        this.ready = true;
      } catch { this.failed = true; }
    },
    mounted() {
      this.observer = new ResizeObserver(([entry]) => {
        this.box = { w: entry.contentRect.width || 1, h: entry.contentRect.height || 1 };
        if (this.last) this.see(this.last);
      });
      this.observer.observe(this.$el);
    },
    unmounted() { this.observer.disconnect(); clearTimeout(this.timer); live.matrix = null; },
    methods: {
      property: ({ color, opacity }) => ({
        color, opacity, ambient: 0.2, diffuse: 0.8, specular: 0.2, specularPower: 24, interpolation: 2,
      }),
      async fetch() {
        const wanted = new Set(this.layers.map((layer) => layer.key));
        for (const key of Object.keys(this.surfaces)) if (!wanted.has(Number(key))) delete this.surfaces[key];
        await Promise.all([...wanted].filter((key) => !this.surfaces[key]).map(async (key) => {
          try {
            const response = await fetch(`surface/${key}`);
            if (response.status === 200) this.surfaces[key] = unpacked(await response.arrayBuffer());
          } catch { this.failed = true; }
        }));
      },
      moved(camera) {
        this.see(camera);
        this.timer = this.timer || setTimeout(() => { this.timer = 0; this.tell(); }, 60);
      },
      see(camera) {
        this.last = camera;
        live.matrix = matrixOf(camera, this.box.w / this.box.h);
        const ahead = unit(sub(camera.focalPoint, camera.position)), right = unit(cross(ahead, camera.viewUp)), up = cross(right, ahead);
        this.letters = LETTERS.map(([letter, axis]) => ({
          letter, x: 22 * dot(axis, right), y: -22 * dot(axis, up), near: 0.45 - 0.55 * dot(axis, ahead),
        })).sort((a, b) => a.near - b.near);
      },
      tell() {
        const { position, focalPoint, viewUp, parallelScale } = this.last;
        window.trame.trigger("stand", [window.vis3d_me, [position, focalPoint, viewUp].map((axis) => [...axis]), parallelScale]);
      },
      down(event) { this.pressed = event.button === 0 ? event : null; },
      async up(event) { // a click leads the slices there, as in the server's picture
        const pressed = this.pressed;
        this.pressed = null;
        if (!pressed || Math.hypot(event.clientX - pressed.clientX, event.clientY - pressed.clientY) >= CLICK_PX) return;
        const box = this.$el.getBoundingClientRect();
        const query = new URLSearchParams({ x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height });
        const response = await fetch(`pick?${query}`);
        const lps = response.ok && (await response.json()).lps;
        if (lps) live.crosshair = lps;
      },
    },
    template: `
      <div class="v3-local" data-testid="local-view" :data-state="state" :data-triangles="triangles"
        @pointerdown.capture="down" @pointerup.capture="up" @contextmenu.prevent>
        <vtk-view v-if="ready" :background="BACKGROUND" :interactor-settings="HANDS">
          <local-camera :camera="camera" @moved="moved" />
          <vtk-geometry-representation v-for="one in drawn" :key="one.key" :property="property(one)">
            <vtk-polydata :points="one.surface.points" :polys="one.surface.polys">
              <vtk-point-data><vtk-data-array name="normals" registration="setNormals" :number-of-components="3" :values="one.surface.normals" /></vtk-point-data>
            </vtk-polydata>
          </vtk-geometry-representation>
        </vtk-view>
        <svg class="v3-letters" viewBox="-34 -34 68 68" aria-hidden="true">
          <g v-for="one in letters" :key="one.letter" :opacity="Math.max(one.near, .15)">
            <line x1="0" y1="0" :x2=".7 * one.x" :y2=".7 * one.y" /><text :x="one.x" :y="one.y">{{ one.letter }}</text>
          </g>
        </svg>
        <span v-if="failed" class="v3-failed" role="alert">This browser can't draw in 3D: switch “Drawn here” off.</span>
      </div>`,
  };

  window.vis3d_components["local-view"] = LocalView;
})();
