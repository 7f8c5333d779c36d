// Takes files and folders that are dropped on the page or picked, and sends them.
(() => {
  const MOST_FILES = 20000;

  // All files of what was dropped, folders walked through.
  async function filesOf(transfer) {
    const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
    if (!entries.length) return [...transfer.files];
    const files = [];
    const walk = async (entry) => {
      if (files.length > MOST_FILES) return;
      if (entry.isFile) {
        files.push(await new Promise((done, fail) => entry.file(done, fail)));
        return;
      }
      const reader = entry.createReader();
      for (;;) { // a reader gives a hundred at a time
        const some = await new Promise((done, fail) => reader.readEntries(done, fail));
        if (!some.length) return;
        for (const one of some) await walk(one);
      }
    };
    for (const entry of entries) await walk(entry);
    return files;
  }

  // A file that is dropped where nothing takes it mustn't replace the page.
  for (const name of ["dragover", "drop"])
    window.addEventListener(name, (event) => { if ([...(event.dataTransfer?.types || [])].includes("Files")) event.preventDefault(); });

  const DropZone = {
    props: ["active"],
    emits: ["sent"],
    data: () => ({ over: false, sending: null, problem: "", placed: false }),
    computed: {
      percent() { return this.sending?.total ? Math.round((100 * this.sending.sent) / this.sending.total) : 0; },
      amount() {
        const mb = (bytes) => (bytes / 1e6).toFixed(0);
        return this.sending ? `${mb(this.sending.sent)} of ${mb(this.sending.total)} MB` : "";
      },
    },
    watch: { active: { immediate: true, handler() { this.$nextTick(() => { this.placed = this.active && !!document.getElementById("v3-drop-here"); }); } } },
    mounted() {
      this.listeners = {
        dragover: (event) => { if (this.hasFiles(event)) { event.preventDefault(); this.over = true; } },
        dragleave: (event) => { if (!event.relatedTarget) this.over = false; },
        drop: (event) => { if (this.hasFiles(event)) { event.preventDefault(); this.over = false; this.dropped(event); } },
      };
      for (const [name, act] of Object.entries(this.listeners)) window.addEventListener(name, act);
    },
    unmounted() {
      for (const [name, act] of Object.entries(this.listeners)) window.removeEventListener(name, act);
      this.request?.abort();
    },
    methods: {
      hasFiles(event) { return [...(event.dataTransfer?.types || [])].includes("Files"); },
      async dropped(event) {
        try { this.send(await filesOf(event.dataTransfer)); } catch { this.problem = "The files couldn't be read."; }
      },
      picked(event) { const files = [...event.target.files]; event.target.value = ""; this.send(files); },
      send(files) {
        this.problem = "";
        if (this.sending || !files.length) return;
        if (files.length > MOST_FILES) {
          this.problem = `More than ${MOST_FILES.toLocaleString("en")} files: drop a zip, or start vis3d on the folder.`;
          return;
        }
        const form = new FormData();
        for (const file of files) form.append("file", file, file.name);
        const request = new XMLHttpRequest();
        this.request = request;
        this.sending = { count: files.length, sent: 0, total: files.reduce((sum, file) => sum + file.size, 0) };
        request.upload.onprogress = (event) => {
          if (this.sending) Object.assign(this.sending, { sent: event.loaded, total: event.total });
        };
        request.onload = () => {
          this.sending = null;
          if (request.status === 200) this.$emit("sent", JSON.parse(request.responseText).ticket);
          else this.problem = request.responseText.slice(0, 300) || "The server didn't take the files.";
        };
        request.onerror = () => { this.sending = null; this.problem = "The files couldn't be sent."; };
        request.onabort = () => { this.sending = null; };
        request.open("POST", "upload");
        request.send(form);
      },
      cancel() { this.request?.abort(); },
    },
    template: `
      <div>
        <Teleport to="#v3-drop-here" v-if="placed">
          <section class="v3-drop" :class="{ 'v3-over': over }" data-testid="drop-zone">
            <svg width="44" height="44" viewBox="0 0 24 24" aria-hidden="true"><path fill="currentColor"
              d="M5 20h14v-2H5v2zm7-18-6 6h4v6h4V8h4l-6-6z"/></svg>
            <p><b>Drop a scan here</b><br><span class="v3-dim">a folder, files, or a zip of DICOM; NIfTI, NRRD, MHA; surfaces</span></p>
            <div class="v3-buttons">
              <label class="v3-pick" tabindex="0" @keydown.enter.space.prevent="$refs.folder.click()">Choose a folder
                <input ref="folder" type="file" webkitdirectory multiple @change="picked" data-testid="pick-folder" aria-label="Choose a folder"></label>
              <label class="v3-pick" tabindex="0" @keydown.enter.space.prevent="$refs.files.click()">Choose files
                <input ref="files" type="file" multiple @change="picked" data-testid="pick-files" aria-label="Choose files"></label>
            </div>
            <p class="v3-dim">They go to this vis3d alone, and are removed when it ends.</p>
          </section>
        </Teleport>
        <div v-if="over && !active" class="v3-cover" aria-hidden="true"><p>Drop to open</p></div>
        <div v-if="sending || problem" class="v3-sending" role="status" data-testid="sending">
          <template v-if="sending">
            <p>Sending {{ sending.count }} {{ sending.count === 1 ? 'file' : 'files' }} · {{ amount }}</p>
            <progress max="100" :value="percent">{{ percent }} %</progress>
            <button type="button" class="v3-chip" @click="cancel" data-testid="cancel-upload">Cancel</button>
          </template>
          <template v-else>
            <p class="v3-message" role="alert" data-testid="upload-problem">{{ problem }}</p>
            <button type="button" class="v3-chip" @click="problem = ''">Close</button>
          </template>
        </div>
      </div>`,
  };

  window.vis3d_components["drop-zone"] = DropZone;
})();
