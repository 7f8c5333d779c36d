"""The command line, its event loop watched: python -m benchmarks.watched LOG serve ...

LOG gets a line of JSON for each time that the loop was held for long: when it began (seconds
since 1970), how long it lasted, how much of it was the loop's own work, how long it waited for
a core that other programs had (Linux), how long all the server's threads computed meanwhile
(one of them may have had Python's lock), and what it was at.
"""

import asyncio
import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

BEAT_S = 0.005
LONG_S = 0.02


class Watch:
    """Beats on the loop, and looks from beside it at what keeps the next beat away."""

    def __init__(self, log: Path) -> None:
        self._log = log.open("w", buffering=1)
        self._beat = time.monotonic()
        self._at: list[str] = []
        self._loop_thread = threading.get_ident()

    async def beat(self) -> None:
        threading.Thread(target=self._look, daemon=True).start()
        waited = _Waited()
        while True:
            queued = waited.seconds()
            before, worked, all_worked = (
                time.monotonic(),
                time.thread_time(),
                time.process_time(),
            )
            self._at = []
            self._beat = before
            await asyncio.sleep(BEAT_S)
            held = time.monotonic() - before - BEAT_S
            if held > LONG_S:
                line = {
                    "began": time.time() - held,
                    "held_ms": round(1000 * held, 1),
                    "own_ms": round(1000 * (time.thread_time() - worked), 1),
                    "queued_ms": round(1000 * (waited.seconds() - queued), 1),
                    "all_ms": round(1000 * (time.process_time() - all_worked), 1),
                    "at": self._at,
                }
                self._log.write(json.dumps(line) + "\n")

    def _look(self) -> None:
        while True:
            time.sleep(0.01)
            if time.monotonic() - self._beat > LONG_S + BEAT_S and not self._at:
                frame = sys._current_frames().get(self._loop_thread)
                stack = traceback.extract_stack(frame)
                self._at = [f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in stack[-12:]]


class _Waited:
    """How long the thread that makes this has waited for a core so far; elsewhere nothing.

    The file stays open: to find it anew at each beat would itself keep the loop from beating.
    """

    def __init__(self) -> None:
        path = Path("/proc/thread-self/schedstat")
        self._file = os.open(path, os.O_RDONLY) if path.exists() else None

    def seconds(self) -> float:
        if self._file is None:
            return 0.0
        return int(os.pread(self._file, 64, 0).split()[1]) / 1e9


def main() -> None:
    log, *arguments = sys.argv[1:]
    run = asyncio.run

    def watched(main: Coroutine[Any, Any, Any], **options: Any) -> Any:
        async def both() -> Any:
            beating = asyncio.ensure_future(Watch(Path(log)).beat())
            try:
                return await main
            finally:
                beating.cancel()

        return run(both(), **options)

    asyncio.run = watched
    sys.argv[1:] = arguments
    from vis3d_cli.__main__ import main as command

    command()


if __name__ == "__main__":
    main()
