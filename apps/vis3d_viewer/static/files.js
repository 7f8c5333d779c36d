// Files between this page and the server: what it asked for is saved, what is chosen is sent.
(() => {
  const FileSaver = {
    props: ["file"], // its address, and the page that asked for it
    watch: { file(file) { if (file?.page === window.vis3d_me) this.$nextTick(() => this.$refs.link.click()); } },
    template: `<a ref="link" :href="file?.address" download class="v3-hidden" tabindex="-1" aria-hidden="true"></a>`,
  };

  // A button that takes a file for the open scan.
  const SendFile = {
    props: ["to", "accept", "name", "busy"],
    data: () => ({ said: "" }),
    methods: {
      async send(event) {
        const [file] = event.target.files;
        event.target.value = "";
        if (!file) return;
        this.said = "Sending ...";
        try {
          const answer = await fetch(`${this.to}?${new URLSearchParams({ name: file.name })}`, { method: "POST", body: file });
          this.said = answer.ok ? "" : await answer.text();
        } catch { this.said = "The file could not be sent."; }
      },
    },
    template: `
      <label class="v3-chip v3-file"><input type="file" :accept="accept" :disabled="busy" :data-testid="name" @change="send"> <slot /></label>
      <span v-if="said" class="v3-dim" role="status">{{ said }}</span>`,
  };

  Object.assign(window.vis3d_components, { "file-saver": FileSaver, "send-file": SendFile });
})();
