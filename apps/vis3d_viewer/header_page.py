"""What a page shows of a scan's header: found by words, the patient left out."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from functools import lru_cache
from typing import Any

from aiohttp import web

from vis3d.dicom.header_rows import HeaderRow, header_count, header_rows
from vis3d.errors import UsageError, Vis3dError
from vis3d.volume import Volume
from vis3d_viewer.study import Study

MAX_SHOWN = 1_500
"""Rows a page gets at once."""

MAX_WORDS = 200
FACTS = ("modality", "kernel", "thickness_mm", "source", "patient_position", "contrast")
"""What a volume says of its origin that isn't a text somebody wrote."""


def add_header_route(
    app: web.Application, study: Callable[[], Study | None], *, show_patient: bool
) -> None:
    """Put the address of the header on the server: `/header?find=TEXT&file=2`."""

    async def header(request: web.Request) -> web.Response:
        find, number = request.query.get("find", ""), request.query.get("file", "1")
        try:
            if len(find) > MAX_WORDS or not (number.isdecimal() and len(number) < 7):
                raise UsageError("There is no such file.")
            page = await asyncio.to_thread(
                header_page, study(), int(number), find, show_patient=show_patient
            )
        except Vis3dError as error:
            raise web.HTTPBadRequest(text=str(error)) from None
        return web.json_response(page)

    app.add_routes([web.get("/header", header)])


def header_page(
    study: Study | None, number: int = 1, find: str = "", *, show_patient: bool = False
) -> dict[str, Any]:
    """The rows of one file's header that have all words of `find` in them.

    A scan that isn't from DICOM has no header but facts.

    Raises:
        UsageError: no scan is open, or it has no such file.
        InputError: the file can't be read any more.
    """
    if study is None or study.volume is None:
        raise UsageError("There is no scan open.")
    files = header_count(study.series) if study.series is not None else 0
    if not files:  # the phantom, or a series that isn't from DICOM
        files, rows = 1, tuple(_facts(study.volume, show_patient=show_patient))
    else:
        rows = _rows(study.series, number, show_patient)
    found = list(_found(rows, find.lower().split()))
    return {
        "files": files,
        "rows": [asdict(row) for row in found[:MAX_SHOWN]],
        "hidden": sum(row.hidden for row in rows),
        "more": len(found) > MAX_SHOWN,
    }


@lru_cache(maxsize=2)
def _rows(series: Any, number: int, show_patient: bool) -> tuple[HeaderRow, ...]:
    """Kept while a person types what to look for."""
    return header_rows(series, number, show_patient=show_patient)


def _found(rows: Iterable[HeaderRow], words: list[str]) -> Iterator[HeaderRow]:
    for row in rows:
        text = f"{row.tag} {row.name} {row.vr} {row.value}".lower()
        if all(word in text for word in words):
            yield row


def _facts(volume: Volume, *, show_patient: bool) -> Iterator[HeaderRow]:
    """Grid and origin of a volume; texts that may name somebody only on request."""
    geometry = volume.geometry
    nk, nj, ni = geometry.shape
    numbers = {
        "Voxels (i, j, k)": f"{ni} x {nj} x {nk}",
        "Spacing (i, j, k)": _listed(geometry.spacing, " mm"),
        "Origin (LPS)": _listed(geometry.origin, " mm"),
        **{
            f"Direction of {axis} (LPS)": _listed(geometry.direction[:, n])
            for n, axis in enumerate("ijk")
        },
        "Values": str(volume.array.dtype),
        "Unit": volume.unit or "none",
        "Padding": "none" if volume.padding is None else f"{volume.padding:g}",
    }
    for name, value in numbers.items():
        yield HeaderRow("", name, "", value)
    for name, thing in volume.metadata.items():
        if name in FACTS or (show_patient and isinstance(thing, str)):
            yield HeaderRow("", name.replace("_", " ").capitalize(), "", str(thing)[:200])
        elif isinstance(thing, str) and thing:
            yield HeaderRow("", name.replace("_", " ").capitalize(), "", "", hidden=True)


def _listed(numbers: Iterable[float], unit: str = "") -> str:
    return ", ".join(f"{number:.6g}" for number in numbers) + unit
