"""What the page shows, worked out from a study and the settings: pure functions only."""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from vis3d.imaging import PLANES, slice_count
from vis3d.labels import Check, Structure
from vis3d.scene import Scene
from vis3d.volume import Finding, Volume
from vis3d_viewer.scene3d import names_in_3d, usual_opacity
from vis3d_viewer.settings import Settings
from vis3d_viewer.study import Study
from vis3d_viewer.windows import first_window

REDUCED = (
    "Volume rendering shows this large scan at a lower resolution; slices, volumes and files "
    "use every voxel."
)


def same_scene(one: Scene, other: Scene | None) -> bool:
    """Whether both look alike: the same volumes and surfaces, shown in the same way."""
    return other is not None and _parts(one) == _parts(other)


def _parts(scene: Scene) -> list[Any]:
    """All values in a scene; volumes and surfaces among them equal nothing but themselves."""
    rest = [getattr(scene, field.name) for field in fields(scene) if field.name != "layers"]
    layers = [
        (type(layer), *(getattr(layer, field.name) for field in fields(layer)))
        for layer in scene.layers
    ]
    return [*rest, layers]


def other_slices(study: Study, before: Study | None) -> bool:
    """Whether slices may look different now, or the values in them."""
    if before is None:
        return True
    one, other = (s.labels.array if s.labels else None for s in (study, before))
    return (
        study.volume is not before.volume
        or one is not other
        or study.structures != before.structures
        or study.preview != before.preview
        or study.emphysema is not before.emphysema
    )


def first_settings(study: Study) -> Settings:
    """What a study opens with: its middle voxel, a window that suits it, four views.

    Between two voxels pictures would show the one and values tell the other.
    A single slice opens alone: across it there is nothing to see.
    """
    if study.volume is None:
        return Settings(layout="volume", show_volume=False)
    window = first_window(study.volume)
    geometry = study.volume.geometry
    single = [plane for plane in PLANES if slice_count(geometry, plane) == 1]
    return Settings(
        layout=single[0] if single else "grid",
        crosshair_lps=geometry.to_lps([count // 2 for count in geometry.shape[::-1]]).tolist(),
        window_center=window.center,
        window_width=window.width,
        show_volume=True,
    )


def structure_rows(study: Study) -> list[dict[str, Any]]:
    """The structure list: name, colour and volume, in the order of the table."""
    return [_row(study, structure) for structure in study.structures]


def _row(study: Study, structure: Structure) -> dict[str, Any]:
    surface = study.surfaces.get(structure.label)
    mask = study.masks.get(structure.label)
    if mask is not None:
        volume_ml = study.voxels[structure.label] * mask.geometry.voxel_ml
    else:
        volume_ml = surface.volume_ml if surface else 0.0
    red, green, blue = structure.color
    return {
        "label": structure.label,
        "name": structure.name,
        "color": f"#{red:02x}{green:02x}{blue:02x}",
        "volume": f"{volume_ml:,.0f} ml" if volume_ml >= 10 else f"{volume_ml:,.1f} ml",
        "exportable": mask is not None,
        "has_surface": surface is not None,
        "opacity": usual_opacity(structure.name, names_in_3d(study)),
    }


def can_segment(study: Study) -> bool:
    """Whether there is a CT volume to find structures in."""
    volume = study.volume
    return volume is not None and volume.unit == "HU" and min(volume.array.shape) > 1


def facts(volume: Volume) -> str:
    """One line about a scan, without patient data."""
    nk, nj, ni = volume.geometry.shape
    sizes = " × ".join(f"{mm:.2f}" for mm in volume.geometry.spacing)
    parts = [str(volume.metadata.get("modality") or ""), f"{ni} × {nj} × {nk}", f"{sizes} mm"]
    if kernel := volume.metadata.get("kernel"):
        parts.append(f"kernel {kernel}")
    return "  ·  ".join(word for word in parts if word)


def notes(study: Study) -> list[dict[str, str]]:
    """Failed checks, warnings and notes, the most serious first."""
    findings = list(study.findings)
    if study.volume and study.view_volume and _is_smaller(study.view_volume, study.volume):
        findings.append(Finding("reduced", "note", REDUCED))
    return sorted_notes(study.labels.report.checks if study.labels else (), findings)


def sorted_notes(checks: Iterable[Check], findings: Iterable[Finding]) -> list[dict[str, str]]:
    """Checks and findings as a page shows them, each message once, the most serious first."""
    order = {"error": 0, "warning": 1, "note": 2, "ok": 3}
    rows = [
        {"severity": "ok" if check.ok else "warning", "message": check.message}
        for check in checks
    ]
    rows += [{"severity": f.severity, "message": f.message} for f in findings]
    said: dict[str, dict[str, str]] = {}
    for row in rows:
        said.setdefault(row["message"], row)  # a failed check may be a finding as well
    return sorted(said.values(), key=lambda row: order[row["severity"]])


def _is_smaller(view: Volume, volume: Volume) -> bool:
    return view.geometry.voxel_ml > 1.01 * volume.geometry.voxel_ml


def value_at(study: Study, lps: Sequence[float]) -> dict[str, Any]:
    """What lies at a point in LPS mm: the value, its unit and the structure's name."""
    empty: dict[str, Any] = {"value": None, "unit": "", "structure": ""}
    if study.volume is None:
        return empty
    geometry = study.volume.geometry
    i, j, k = (round(float(index)) for index in geometry.to_ijk(lps))
    nk, nj, ni = geometry.shape
    if not (0 <= i < ni and 0 <= j < nj and 0 <= k < nk):
        return empty
    value = float(study.volume.array[k, j, i])
    if value == study.volume.padding or not np.isfinite(value):
        return empty
    label = int(study.labels.array[k, j, i]) if study.labels else 0
    names = {structure.label: structure.name for structure in study.structures}
    return {
        "value": round(value, 2),
        "unit": study.volume.unit,
        "structure": names.get(label, ""),
    }
