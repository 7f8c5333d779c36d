// What needs more room than the panel: the header of the scan, the lung report. All that comes
// from a scan is shown as text.
(() => {
  const HeaderBrowser = {
    props: ["version"],
    data: () => ({ find: "", file: 1, page: { files: 0, rows: [], hidden: 0, more: false }, error: "", asked: 0 }),
    watch: {
      find() { clearTimeout(this.timer); this.timer = setTimeout(this.ask, 150); },
      file() { this.ask(); },
    },
    unmounted() { clearTimeout(this.timer); },
    methods: {
      open() { this.file = 1; this.$refs.dialog.showModal(); this.$refs.find.focus(); this.ask(); },
      close() { this.$refs.dialog.close(); },
      async ask() {
        const asked = (this.asked += 1);
        try {
          const answer = await fetch(`header?${new URLSearchParams({ find: this.find, file: this.file })}`);
          const page = answer.ok ? await answer.json() : null;
          if (asked !== this.asked) return; // an older answer
          this.error = page ? "" : await answer.text();
          if (page) this.page = page;
        } catch { this.error = "The server doesn't answer."; }
      },
    },
    template: `
      <div>
        <button type="button" class="v3-chip" title="All that the file says of the scan" data-testid="header-open" @click="open">Header …</button>
        <dialog ref="dialog" class="v3-dialog" aria-label="Header" data-testid="header" @click.self="close" @keydown.stop>
          <div class="v3-dialog-in">
            <div class="v3-tool-line v3-dialog-head">
              <h2>Header</h2>
              <input ref="find" v-model="find" type="text" class="v3-select v3-grow" placeholder="Name, tag or value" aria-label="Search the header" data-testid="header-find">
              <label v-if="page.files > 1">File <input v-model.number.lazy="file" type="number" min="1" :max="page.files" class="v3-number" data-testid="header-file"> of {{ page.files }}</label>
              <button type="button" class="v3-icon" aria-label="Close" title="Close" data-testid="header-close" @click="close"><v-icon size="18" icon="mdi-close" /></button>
            </div>
            <p v-if="error" class="v3-message" role="alert">{{ error }}</p>
            <div class="v3-scroll" tabindex="0">
              <table class="v3-table" data-testid="header-rows">
                <tbody>
                  <tr v-for="(row, n) in page.rows" :key="n" :class="{ 'v3-row-hidden': row.hidden }">
                    <td class="v3-dim">{{ row.tag }}</td>
                    <td :style="{ paddingLeft: 6 + 14 * row.depth + 'px' }">{{ row.name }}</td>
                    <td class="v3-dim">{{ row.vr }}</td>
                    <td>{{ row.hidden ? "hidden" : row.value }}</td>
                  </tr>
                </tbody>
              </table>
              <p v-if="!page.rows.length" class="v3-dim">Nothing here has this in it.</p>
              <p v-if="page.more" class="v3-dim">There is more: search for it.</p>
            </div>
            <p v-if="page.hidden" class="v3-dim v3-small" data-testid="header-hidden">{{ page.hidden === 1 ? "1 value is hidden: it" : page.hidden + " values are hidden: they" }} could say who the patient is. "vis3d serve --show-patient" shows them.</p>
          </div>
        </dialog>
      </div>`,
  };

  const NUMBERS = [
    ["Volume", "ml", "volume_ml", 0], ["Mean", "HU", "mean_hu", 0], ["SD", "HU", "sd_hu", 0],
    ["Mass", "g", "mass_g", 0], ["LAA-950", "%", "laa950_percent", 1], ["Perc15", "HU", "perc15_hu", 0],
  ];

  const LungReport = {
    props: ["report"],
    emits: ["act"],
    watch: {
      report(report) { // the page that asked for it opens it
        if (report?.page === window.vis3d_me && !this.$refs.dialog.open) this.$refs.dialog.showModal();
      },
    },
    methods: {
      numbers: () => NUMBERS,
      said(region, key, decimals) {
        const value = region[key];
        return value === null || value === undefined ? "–" : value.toFixed(decimals).replace("-", "−");
      },
      close() { this.$refs.dialog.close(); },
      act(...what) { this.$emit("act", what); },
    },
    template: `
      <dialog ref="dialog" class="v3-dialog" aria-label="Lung report" data-testid="lung-report" @click.self="close" @keydown.stop>
        <div v-if="report" class="v3-dialog-in">
          <div class="v3-tool-line v3-dialog-head">
            <h2>Lung report</h2><span class="v3-space"></span>
            <button type="button" class="v3-chip" data-testid="report-csv" @click="act('save_lungs', '.csv')">CSV</button>
            <button type="button" class="v3-chip" data-testid="report-json" @click="act('save_lungs', '.json')">JSON</button>
            <button type="button" class="v3-chip v3-strong" title="One page, to be read or printed" data-testid="report-page" @click="act('save_report')">Page</button>
            <button type="button" class="v3-icon" aria-label="Close" title="Close" data-testid="report-close" @click="close"><v-icon size="18" icon="mdi-close" /></button>
          </div>
          <div class="v3-scroll" tabindex="0">
            <table class="v3-table v3-numbers">
              <thead><tr><th></th><th v-for="[title, unit] in numbers()" :key="title">{{ title }}<br><small>{{ unit }}</small></th></tr></thead>
              <tbody>
                <tr v-for="region in report.regions" :key="region.name" :class="{ 'v3-whole': !region.name.includes('third') }">
                  <th>{{ region.name }}</th>
                  <td v-for="[title, unit, key, decimals] in numbers()" :key="title" :data-testid="'report-' + region.name + '-' + key">{{ said(region, key, decimals) }}</td>
                </tr>
              </tbody>
            </table>
            <img class="v3-chart" :src="report.chart" alt="How often each density occurs in each lung" data-testid="report-chart">
            <p class="v3-small" data-testid="report-conditions">{{ report.conditions }}</p>
            <div v-for="(note, n) in report.notes" :key="n" :class="'v3-note v3-' + note.severity">
              <v-icon size="16" :icon="note.severity === 'ok' ? 'mdi-check' : note.severity === 'note' ? 'mdi-information-outline' : 'mdi-alert-outline'" />
              <span>{{ note.message }}</span>
            </div>
          </div>
          <p class="v3-dim v3-small">For research, not for diagnosis.</p>
        </div>
      </dialog>`,
  };

  // A page that hides the scan hides dialogs too; one left open would keep all else from use.
  const closeAll = () => {
    if (!document.documentElement.classList.contains("v3-blank")) return;
    for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
  };

  window.vis3d_dialogs = {
    install(app) {
      new MutationObserver(closeAll).observe(document.documentElement, { attributeFilter: ["class"] });
      app.component("header-browser", HeaderBrowser);
      app.component("lung-report", LungReport);
    },
  };
})();
