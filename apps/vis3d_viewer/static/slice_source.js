// Fetches the pictures of one slice view: the newest that is wanted, one at a time, and in the
// pauses the next one in the direction of the walk.
(() => {
  const KEPT = 10;

  class SliceSource {
    constructor(show, failed) {
      this.show = show; // (bitmap, address, index)
      this.failed = failed;
      this.kept = new Map();
      this.running = null;
      this.wanted = null;
      this.stop = new AbortController();
    }

    // `ahead` is what will probably be wanted next.
    want(picture, ahead) {
      this.wanted = picture;
      this.ahead = ahead;
      const bitmap = this.kept.get(picture.address);
      if (bitmap) {
        this.shown(picture, bitmap);
        this.next();
      } else if (!this.running) {
        this.next();
      } else if (this.running.spare && this.running.address !== picture.address) {
        this.running.abort.abort(); // a guess mustn't hold up what is asked for
      }
    }

    shown(picture, bitmap) {
      this.wanted = null;
      this.failed(false);
      this.show(bitmap, picture);
    }

    async next() {
      if (this.running) return;
      const spare = !this.wanted;
      const picture = this.wanted || this.ahead;
      if (!picture || this.kept.has(picture.address)) return;
      if (spare) this.ahead = null;
      const running = { address: picture.address, spare, abort: new AbortController() };
      this.running = running;
      let bitmap = null;
      try {
        const response = await fetch(picture.address, { signal: running.abort.signal });
        if (response.ok) bitmap = await createImageBitmap(await response.blob());
      } catch { /* aborted, or the connection is gone */ }
      this.running = null;
      if (this.closed) { bitmap?.close(); return; }
      if (bitmap) this.keep(picture.address, bitmap);
      if (this.wanted && this.wanted.address === picture.address) {
        if (bitmap) this.shown(picture, bitmap);
        else { this.wanted = null; this.failed(true); }
      } else if (bitmap && !spare && this.wanted) {
        this.show(bitmap, picture); // on the way: better than nothing while the hand moves
      }
      this.next();
    }

    keep(address, bitmap) {
      this.kept.set(address, bitmap);
      while (this.kept.size > KEPT) {
        const [oldest, picture] = this.kept.entries().next().value;
        this.kept.delete(oldest);
        picture.close();
      }
    }

    forget() {
      for (const bitmap of this.kept.values()) bitmap.close();
      this.kept.clear();
    }

    close() {
      this.closed = true;
      this.running?.abort.abort();
      this.forget();
    }
  }

  window.vis3d_SliceSource = SliceSource;
})();
