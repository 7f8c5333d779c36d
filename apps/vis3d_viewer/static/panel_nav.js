// The ways round the panel: to each of its parts, and out of the way altogether.
(() => {
  const PARTS = [
    ["structures", "Structures"], ["window", "Window"], ["volume", "3D"], ["measure", "Measure"], ["save", "Save"],
  ];

  const PanelNav = {
    props: ["volume"],
    data: () => ({ here: "structures" }),
    computed: { parts() { return PARTS.filter(([name]) => this.volume || !["window", "measure"].includes(name)); } },
    mounted() {
      this.panel = this.$el.nextElementSibling;
      this.panel.addEventListener("scroll", this.look, { passive: true });
    },
    unmounted() { this.panel.removeEventListener("scroll", this.look); },
    methods: {
      part(name) { return this.panel.querySelector(`[data-part=${name}]`); },
      go(name) { // scrollIntoView would scroll the page as well
        const part = this.part(name);
        if (part) this.panel.scrollTop += part.getBoundingClientRect().top - this.panel.getBoundingClientRect().top;
        this.here = name;
      },
      look() { // the last part that begins in the upper third
        const { top, height } = this.panel.getBoundingClientRect();
        const begun = this.parts.filter(([name]) => this.part(name)?.getBoundingClientRect().top < top + height / 3);
        this.here = begun.length ? begun[begun.length - 1][0] : "structures";
      },
    },
    template: `
      <nav class="v3-nav" aria-label="Parts of the panel">
        <button v-for="[name, title] in parts" :key="name" type="button" :class="{ 'v3-here': here === name }"
          :aria-current="here === name ? 'true' : undefined" :data-testid="'go-' + name" @click="go(name)">{{ title }}</button>
      </nav>`,
  };

  const PanelSwitch = {
    data: () => ({ away: localStorage.getItem("vis3d-panel") === "away" }),
    mounted() { this.apply(); },
    methods: {
      turn() { this.away = !this.away; this.apply(); },
      apply() {
        document.documentElement.dataset.panel = this.away ? "away" : "there";
        localStorage.setItem("vis3d-panel", this.away ? "away" : "there");
      },
    },
    template: `
      <button type="button" class="v3-icon-button" data-testid="panel-switch" :aria-expanded="!away"
        :aria-label="away ? 'Show the panel' : 'Hide the panel'" :title="away ? 'Show the panel' : 'Hide the panel'" @click="turn">
        <svg width="20" height="20" viewBox="0 0 24 24" aria-hidden="true"><path fill="currentColor"
          d="M4 4h16a1 1 0 0 1 1 1v14a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V5a1 1 0 0 1 1-1zm6 2v12h9V6z"/></svg>
      </button>`,
  };

  Object.assign(window.vis3d_components, { "panel-nav": PanelNav, "panel-switch": PanelSwitch });
})();
