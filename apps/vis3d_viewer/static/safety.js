// What a page left alone does: it hides the scan after a while, says when the connection is
// lost and comes back by itself; and the theme, which this browser remembers.
(() => {
  const minutes = Number(document.querySelector("meta[name=vis3d-idle-minutes]").content);
  const RETRY_MS = 2000;
  const NOT_CONNECTED = -32099;

  // What was asked as the connection went is nobody's mistake; the page says that it is gone.
  window.addEventListener("unhandledrejection", (event) => {
    if (event.reason?.code === NOT_CONNECTED) event.preventDefault();
  });

  const IdleBlank = {
    data: () => ({ blank: false }),
    mounted() {
      if (!minutes) return;
      this.touched = () => { this.last = Date.now(); };
      this.touched();
      this.events = ["pointerdown", "pointermove", "keydown", "wheel"];
      for (const name of this.events) window.addEventListener(name, this.touched, { capture: true, passive: true });
      this.timer = setInterval(() => {
        if (Date.now() - this.last < minutes * 60000) return;
        this.blank = true;
        document.documentElement.classList.add("v3-blank");
        this.$nextTick(() => this.$refs.back?.focus());
      }, Math.min(1000, minutes * 15000));
    },
    unmounted() {
      clearInterval(this.timer);
      for (const name of this.events || []) window.removeEventListener(name, this.touched, { capture: true });
    },
    methods: {
      back() { this.blank = false; document.documentElement.classList.remove("v3-blank"); this.touched(); },
    },
    template: `
      <div v-if="blank" class="v3-blanked" role="alertdialog" aria-label="The scan is hidden" data-testid="blanked">
        <p>The scan is hidden: nobody has used this page for a while.</p>
        <button ref="back" type="button" class="v3-pick" @click="back" data-testid="unblank">Show it again</button>
      </div>`,
  };

  // Escape, wherever the focus is, gives up the work that is going on.
  const EscapeKey = {
    emits: ["pressed"],
    mounted() {
      this.listen = (event) => {
        if (event.key !== "Escape" || event.defaultPrevented) return;
        if (document.querySelector(".v-overlay--active .v-card")) return; // it closes a menu
        this.$emit("pressed");
      };
      window.addEventListener("keydown", this.listen);
    },
    unmounted() { window.removeEventListener("keydown", this.listen); },
    render: () => null,
  };

  // Shown in place of the page when the connection is lost.
  const LostConnection = {
    data: () => ({ stopped: false }),
    mounted() { this.ask(); },
    unmounted() { clearTimeout(this.timer); },
    methods: {
      async ask() {
        try {
          const answer = await fetch("alive", { cache: "no-store" });
          if (answer.ok) { window.location.reload(); return; }
          this.stopped = true; // somebody else answers: another start, another key
        } catch { /* nobody answers yet */ }
        this.timer = setTimeout(() => this.ask(), RETRY_MS);
      },
    },
    template: `
      <div class="v3-center" data-testid="closed" role="alert">
        <p>The connection to vis3d is lost.</p>
        <p class="v3-dim" v-if="stopped">vis3d was started again: open the address that it prints.</p>
        <p class="v3-dim" v-else>This page comes back as soon as vis3d answers. If it was stopped, start it
          again, and open the address that it prints.</p>
      </div>`,
  };

  // The theme of the page as it opens, with or without a scan.
  const FirstTheme = {
    emits: ["theme"],
    mounted() { this.$emit("theme", document.documentElement.dataset.theme); },
    render: () => null,
  };

  const ThemeSwitch = {
    data: () => ({ theme: document.documentElement.dataset.theme }),
    methods: {
      turn() { this.theme = this.theme === "light" ? "dark" : "light"; this.apply(); },
      apply() {
        document.documentElement.dataset.theme = this.theme;
        localStorage.setItem("vis3d-theme", this.theme);
        this.$emit("theme", this.theme);
      },
    },
    emits: ["theme"],
    template: `
      <button type="button" class="v3-icon-button" @click="turn" data-testid="theme"
        :aria-label="theme === 'light' ? 'Dark colours' : 'Light colours'" :title="theme === 'light' ? 'Dark colours' : 'Light colours'">
        <svg width="20" height="20" viewBox="0 0 24 24" aria-hidden="true"><path fill="currentColor"
          d="M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20zm0 2v16a8 8 0 0 1 0-16z"/></svg>
      </button>`,
  };

  Object.assign(window.vis3d_components, {
    "idle-blank": IdleBlank, "lost-connection": LostConnection, "theme-switch": ThemeSwitch,
    "escape-key": EscapeKey, "first-theme": FirstTheme,
  });
})();
