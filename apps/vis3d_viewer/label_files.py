"""Files that a page sends about the open scan: label maps, segmentations, sessions."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from aiohttp import web

from vis3d.errors import InputError, UsageError, Vis3dError
from vis3d.files import read_labelmaps_on
from vis3d.progress import Progress
from vis3d.volume import Mask, Volume
from vis3d_viewer.uploads import check_size

SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".mha", ".dcm")
MAX_BYTES = 1 << 30
CHUNK = 1 << 20


def add_label_route(app: web.Application, folder: Path, take: Callable[[Path], None]) -> None:
    """Put the address on the server that takes a label map into `folder`."""

    async def receive(request: web.Request) -> web.Response:
        try:
            name = plain_name(request.query.get("name", ""))
        except UsageError as error:
            raise web.HTTPBadRequest(text=str(error)) from None
        return await _received(request, folder, name, take)

    app.add_routes([web.post("/labels", receive)])


def add_session_route(app: web.Application, folder: Path, take: Callable[[Path], None]) -> None:
    """Put the address on the server that takes a session file into `folder`."""

    async def receive(request: web.Request) -> web.Response:
        return await _received(request, folder, "session.vis3d", take)

    app.add_routes([web.post("/session", receive)])


async def _received(
    request: web.Request, folder: Path, name: str, take: Callable[[Path], None]
) -> web.Response:
    """Write what a page sends to a file, and have it taken."""
    try:
        check_size(request.content_length, folder, MAX_BYTES)
    except Vis3dError as error:
        raise web.HTTPBadRequest(text=str(error)) from None
    path = Path(tempfile.mkdtemp(dir=folder)) / name
    size = 0
    with path.open("wb") as stream:
        async for chunk in request.content.iter_chunked(CHUNK):
            size += len(chunk)
            if size > MAX_BYTES:
                raise web.HTTPRequestEntityTooLarge(MAX_BYTES, size)
            stream.write(chunk)
    take(path)
    return web.json_response({"bytes": size})


def plain_name(name: str) -> str:
    """A file's name of which nothing but its format is kept.

    Raises:
        UsageError: a format that holds no label map.
    """
    for suffix in SUFFIXES:
        if name.lower().endswith(suffix):
            return f"labels{suffix}"
    raise UsageError(f"A label map's name ends in one of {', '.join(SUFFIXES)}.")


def structures_in(
    path: Path, volume: Volume, progress: Progress
) -> tuple[tuple[str, Mask, str], ...]:
    """Name and voxels of each structure in a file, on the scan's grid, and the Python for it.

    Raises:
        InputError: the file is broken, or marks nothing where the scan lies.
    """
    found: list[tuple[str, Mask, str]] = []
    for number, labels in enumerate(read_labelmaps_on(volume, path, progress=progress)):
        for structure in labels.structures:
            inside = labels.array == structure.label
            mask = Mask(inside, volume.geometry, structure.name, labels.report.findings)
            if inside.any():
                code = f"from_file({path.name!r}, {number}, {structure.label})"
                found.append((structure.name, mask, code))
    if not found:
        raise InputError("This file marks nothing where the scan lies.")
    return tuple(found)
