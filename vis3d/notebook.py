"""Volumes, label maps, surfaces and scenes as Jupyter shows them: a picture and the facts."""

import base64
import html
import io
import json
import re
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import singledispatch
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vis3d.errors import RequirementError
from vis3d.imaging import PLANES, fitted, picture, slice_count
from vis3d.labels import LabelMap
from vis3d.meshing import decimated_for_view
from vis3d.rendering import Stage, screenshot
from vis3d.scene import Scene, SurfaceLayer, VolumeLayer
from vis3d.surface import Surface
from vis3d.volume import Volume

PICTURE_SIZE = (640, 480)
SLICE_SIZE = (300, 300)
MOST_TRIANGLES = 300_000
"""A page with more would be slow to open and to turn."""

_FACTS = ("modality", "description", "kernel", "thickness_mm", "contrast", "patient_position")


def show(scene: Scene, *, size: tuple[int, int] = (800, 600)) -> Any:
    """The scene in a notebook's cell, to be turned by hand; it needs no server.

    Surfaces and slices are drawn by the browser, surfaces of many triangles from a lighter
    copy. Volume renderings, and machines without vis3d's `viewer` extra, get a picture.
    """
    from IPython.display import HTML

    if any(isinstance(layer, VolumeLayer) and layer.visible for layer in scene.layers):
        return HTML(_image(screenshot(scene, size=size)))
    try:
        page = interactive_page(scene, size=size)
    except RequirementError:
        return HTML(_image(screenshot(scene, size=size)))
    width, height = size
    return HTML(
        f'<div><iframe srcdoc="{html.escape(page)}" width="{width}" height="{height}" '
        'title="A 3D view: drag to turn" style="border:0"></iframe></div>'
    )


def interactive_page(scene: Scene, *, size: tuple[int, int] = (800, 600)) -> str:
    """One HTML page that shows the scene's surfaces and slices, whole in itself.

    Raises:
        RequirementError: the `viewer` extra isn't installed, or this machine can't draw.
    """
    try:
        from trame_vtk.tools.vtksz2html import write_html
    except ImportError as error:
        raise RequirementError(
            'An interactive view needs vis3d\'s extra: pip install "vis3d[viewer]".'
        ) from error
    stage = Stage(size)
    try:
        stage.show(replace(scene, layers=[_light(layer) for layer in scene.layers]))
        stage.render()
        state = _browser_state(stage.window)
    finally:
        stage.close()
    page = io.StringIO()
    write_html(_zipped(state), page)
    return re.sub(r"<link[^>]*kitware[^>]*>", "", page.getvalue())  # icons from elsewhere


@singledispatch
def facts_page(thing: object) -> str:
    """What a notebook shows of a volume, label map, surface or scene, as HTML."""
    return f"<pre>{html.escape(repr(thing))}</pre>"


@facts_page.register
def _(volume: Volume) -> str:
    told = {name: volume.metadata[name] for name in _FACTS if volume.metadata.get(name)}
    told.update({finding.code: finding.message for finding in volume.findings})
    slices = [
        fitted(picture(volume, plane, slice_count(volume.geometry, plane) // 2, square=True),
               SLICE_SIZE)
        for plane in PLANES
    ]  # fmt: skip
    return _card(volume, np.hstack(slices), told)


@facts_page.register
def _(labels: LabelMap) -> str:
    told = {
        one.name: f"{labels.volume_ml(one.name):,.1f} ml"
        for one in labels.structures
        if labels.voxels()[one.label]
    }
    told.update({c.code: c.message for c in labels.report.checks if not c.ok})
    black = Volume(np.zeros(labels.geometry.shape, np.int16), labels.geometry)
    slices = [
        fitted(
            picture(black, plane, slice_count(labels.geometry, plane) // 2, labels=labels,
                    opacities={one.label: 1.0 for one in labels.structures}, square=True),
            SLICE_SIZE,
        )
        for plane in PLANES
    ]  # fmt: skip
    return _card(labels, np.hstack(slices), told)


@facts_page.register
def _(surface: Surface) -> str:
    low, high = surface.bounds_mm
    size = " x ".join(f"{mm:.1f}" for mm in high - low)
    told = {"triangles": f"{len(surface.triangles):,}", "size": f"{size} mm"}
    return _card(surface, _drawn(Scene([SurfaceLayer(surface)])), told)


@facts_page.register
def _(scene: Scene) -> str:
    return _card(scene, _drawn(scene), {})


def _drawn(scene: Scene) -> NDArray[np.uint8] | None:
    """The scene's picture; None where this machine can't draw: facts are left."""
    try:
        return screenshot(scene, size=PICTURE_SIZE)
    except RequirementError:
        return None


def _card(thing: object, pixels: NDArray[np.uint8] | None, told: Mapping[str, object]) -> str:
    name = f"<code>{html.escape(repr(thing))}</code>" if not isinstance(thing, Scene) else ""
    shown = "" if pixels is None else _image(pixels)
    return f"<div>{name}<br>{shown}{_table(told.items())}</div>"


def _table(rows: Iterable[tuple[str, object]]) -> str:
    cells = "".join(
        f'<tr><td style="text-align:left">{html.escape(name.replace("_", " "))}</td>'
        f'<td style="text-align:left">{html.escape(str(value))}</td></tr>'
        for name, value in rows
    )
    return f"<table>{cells}</table>" if cells else ""


def _image(pixels: NDArray[np.uint8]) -> str:
    png = io.BytesIO()
    Image.fromarray(pixels).save(png, "PNG")
    height, width = pixels.shape[:2]
    data = base64.b64encode(png.getvalue()).decode()
    return f'<img width="{width}" height="{height}" src="data:image/png;base64,{data}">'


def _light(layer: Any) -> Any:
    if not isinstance(layer, SurfaceLayer):
        return layer
    return replace(layer, surface=decimated_for_view(layer.surface, MOST_TRIANGLES))


def _browser_state(window: Any) -> Any:
    """The window's actors as vtk.js takes them."""
    from trame_vtk.modules.vtk.protocols.local_rendering import vtkWebLocalRendering
    from vtkmodules.vtkWebCore import vtkWebApplication

    application = vtkWebApplication()

    class Protocol(vtkWebLocalRendering):
        app = application  # without a server behind it

    number = application.GetObjectIdMap().GetGlobalId(window)
    return Protocol().get_standalone_state(number)


def _zipped(state: Any) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as unfinished:
        unfinished.writestr("index.json", json.dumps(state))
    return archive.getvalue()
