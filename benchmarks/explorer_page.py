"""What the explorer's benchmark does in the page, as JavaScript."""

STEP = """async (steps) => {
    const view = document.querySelector('[data-testid=slice-axial]');
    const canvas = view.querySelector('canvas');
    const took = [];
    for (let n = 0; n < steps; n++) {
        const before = canvas.dataset.index, start = performance.now();
        const deltaY = n % 20 < 10 ? 120 : -120;
        const how = { deltaY, bubbles: true, cancelable: true };
        view.dispatchEvent(new WheelEvent("wheel", how));
        await new Promise((done) => {
            const look = () => (canvas.dataset.index !== before ? done() : setTimeout(look, 0));
            look();
        });
        took.push(performance.now() - start);
        await new Promise((done) => setTimeout(done, 30));
    }
    return took;
}"""
"""Milliseconds from each turn of the wheel to the slice drawn."""

REWINDOW = """async (steps) => {
    const views = ['axial', 'coronal', 'sagittal'].map(
        (plane) => document.querySelector(`[data-testid=slice-${plane}]`));
    const send = (type, x, y) => views[0].dispatchEvent(new PointerEvent(type, {
        clientX: x, clientY: y, button: 0, buttons: 1, pointerId: 1, bubbles: true }));
    views[0].setPointerCapture = () => {};
    const box = views[0].getBoundingClientRect();
    const x = box.left + box.width / 2, y = box.top + box.height / 2;
    send('pointerdown', x, y);
    send('pointermove', x + 20, y);
    await new Promise((done) => setTimeout(done, 300));
    const took = [];
    for (let n = 0; n < steps; n++) {
        const before = views.map((view) => view.querySelector('canvas').dataset.src);
        const start = performance.now();
        send('pointermove', x + 24 + 4 * (n % 15), y + 3 + n % 7);
        await new Promise((done) => {
            const look = () => (
                views.every((view, n) => view.querySelector('canvas').dataset.src !== before[n])
                    ? done() : setTimeout(look, 0));
            look();
        });
        took.push(performance.now() - start);
        await new Promise((done) => setTimeout(done, 30));
    }
    send('pointerup', x, y);
    return took;
}"""
"""Milliseconds from each move of the mouse to three slices drawn anew."""

COUNT_FRAMES = """() => {
    const image = document.querySelector('[data-testid=view-3d] img');
    window.frames3d = 0;
    window.counting?.disconnect();
    window.counting = new MutationObserver(() => { window.frames3d += 1; });
    window.counting.observe(image, { attributes: true, attributeFilter: ['src'] });
}"""

WATCH_STROKE = """() => {
    const canvas = document.querySelector('[data-testid=picture-axial]');
    const image = document.querySelector('[data-testid=view-3d] img');
    const hand = document.querySelector('[data-testid=hand-axial]');
    const seen = { drawn: [], slices: [], pictures: [], up: 0 };
    window.stroke = seen;
    const watch = (node, list, how) => {
        const one = new MutationObserver(() => list.push(performance.now()));
        one.observe(node, how);
        return one;
    };
    window.watching?.forEach((one) => one.disconnect());
    window.watching = [
        watch(hand, seen.drawn, { subtree: true, attributes: true, childList: true }),
        watch(canvas, seen.slices, { attributes: true, attributeFilter: ['data-src'] }),
        watch(image, seen.pictures, { attributes: true, attributeFilter: ['src'] }),
    ];
    hand.addEventListener('pointerup', () => { seen.up = performance.now(); }, { once: true });
}"""
"""Notes when the stroke is drawn over the slice, and when slice and 3D show what it did."""

LONG_TASKS = """() => {
    window.longTasks = [];
    const watch = new PerformanceObserver((list) => list.getEntries().forEach(
        ({ duration }) => window.longTasks.push(duration)));
    watch.observe({ entryTypes: ['longtask'] });
}"""
"""Chromium's own word for what held the page for more than 50 ms."""

SLICES = "[...document.querySelectorAll('.v3-slice')].some((one) => one.dataset.loaded)"
STATE_3D = "document.querySelector('[data-testid=view-3d]')?.dataset.state"
SHOWN_3D = f"['coarse', 'fine'].includes({STATE_3D})"
FINE = f"{STATE_3D} === 'fine'"
IDLE = "!document.querySelector('[data-testid=job]')"
