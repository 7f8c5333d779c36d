"""Scans of other kinds in the explorer: oblique ones, real ones, several at once."""

import base64
import io
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import trimesh
from PIL import Image

from tests.conftest import oblique_geometry
from tests.vis3d_viewer.conftest import PATIENCE, Visit, served
from tests.vis3d_viewer.scans import BLOB_KJI
from tests.vis3d_viewer.seeing import volume_picture
from vis3d import files
from vis3d.dicom import write_ct_series
from vis3d.geometry import Geometry
from vis3d.imaging import PLANES, Plane, cut, slice_index
from vis3d.volume import Volume

pytestmark = pytest.mark.browser

GEOMETRY = oblique_geometry((40, 44, 56), (1.1, 0.9, 1.6))


@pytest.fixture
def oblique_file(tmp_path: Path) -> Path:
    array = np.full(GEOMETRY.shape, -200, np.int16)
    k, j, i = BLOB_KJI
    array[k - 2 : k + 3, j - 2 : j + 3, i - 2 : i + 3] = 900
    path = tmp_path / "oblique.nii.gz"
    files.write_volume(Volume(array, GEOMETRY), path)
    return path


def go_to(seen: Visit, plane: Plane, index: int) -> None:
    """Step through the slices until `index` is there and drawn."""
    view = seen.find(f"slice-{plane}")
    view.focus()
    up = 0
    while (now := int(view.get_attribute("data-index"))) != index:
        seen.page.keyboard.press("ArrowUp" if up * (index - now) >= 0 else "ArrowDown")
        seen.wait_until(
            f"document.querySelector('[data-testid=slice-{plane}]').dataset.index != {now}"
        )
        if not up:  # the first step shows which way it leads
            up = np.sign(int(view.get_attribute("data-index")) - now)
    seen.wait_until(
        f"document.querySelector('[data-testid=slice-{plane}]').dataset.loaded"
        f".includes('index={index}&')"
    )


def bright_spot(seen: Visit, plane: Plane) -> tuple[float, float]:
    """Where the bright blob appears, as fractions of the picture's width and height."""
    canvas = seen.page.evaluate(
        f"document.querySelector('[data-testid=picture-{plane}]').toDataURL('image/png')"
    )
    png = base64.b64decode(canvas.split(",")[1])
    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("L")).astype(float)
    weight = np.where(pixels > 120, pixels, 0)
    rows, columns = np.indices(pixels.shape)
    height, width = pixels.shape
    x = ((weight * columns).sum() / weight.sum() + 0.5) / width
    y = ((weight * rows).sum() / weight.sum() + 0.5) / height
    return float(x), float(y)


def test_an_oblique_scan_is_seen_at_the_right_place(
    visit: Callable[[str], Any], oblique_file: Path
) -> None:
    volume = files.load_volume(oblique_file)
    blob_lps = volume.geometry.to_lps(
        volume.geometry.to_ijk(GEOMETRY.to_lps(BLOB_KJI[::-1])).round()
    )
    with served("serve", oblique_file) as address, visit(address) as seen:
        seen.wait_for_slices()
        seen.find("window-bone").click()
        go_to(seen, "axial", slice_index(volume.geometry, "axial", blob_lps))
        x, y = bright_spot(seen, "axial")
        box = seen.find("picture-axial").bounding_box()
        seen.page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])
        for plane in PLANES:
            expected = cut(volume, plane, slice_index(volume.geometry, plane, blob_lps))
            seen.wait_until(
                f"document.querySelector('[data-testid=slice-{plane}]').dataset.loaded"
                f".includes('index={expected.index}&')"
            )
            letters = seen.find(f"slice-{plane}").locator(".v3-letter").all_inner_texts()
            assert letters == list(expected.letters)
            row, column = expected.to_row_column(blob_lps)
            rows, columns = expected.array.shape
            assert bright_spot(seen, plane) == pytest.approx(
                ((column + 0.5) / columns, (row + 0.5) / rows), abs=0.01
            )
            cross, frame = seen.find(f"cross-{plane}"), seen.find(f"slice-{plane}")
            box = seen.find(f"picture-{plane}").bounding_box()
            at_x = float(cross.get_attribute("data-x")) + frame.bounding_box()["x"]
            assert (at_x - box["x"]) / box["width"] == pytest.approx(
                (column + 0.5) / columns, abs=0.02
            )
        seen.page.mouse.move(5, 715)
        seen.wait_until(
            "document.querySelector('[data-testid=readout-value]').textContent === '900 HU'"
        )
        assert seen.complaints == []


def test_a_tilted_scan_is_seen_at_the_right_place(
    visit: Callable[[str], Any], tmp_path: Path
) -> None:
    shape, (i_mm, j_mm, k_mm) = (30, 80, 64), (2.0, 2.0, 3.0)
    slope = math.tan(math.radians(15))
    ball_lps = np.array([70.0, 95.0, 40.0])
    # The gantry leans: each slice lies further back than the one below it.
    origins = np.array([[0.0, k * k_mm * slope, k * k_mm] for k in range(shape[0])])
    k, j, i = np.indices(shape)
    places = origins[k] + np.stack([i * i_mm, j * j_mm, np.zeros(shape)], axis=-1)
    inside = np.linalg.norm(places - ball_lps, axis=-1) < 9
    volume = Volume(
        np.where(inside, 900, -200).astype(np.int16), Geometry(shape, (i_mm, j_mm, k_mm))
    )
    write_ct_series(
        volume,
        tmp_path,
        patient_name="A",
        patient_id="A",
        slice_origins_lps=origins,
    )
    corrected = files.load_volume(tmp_path).geometry
    with served("serve", tmp_path) as address, visit(address) as seen:
        seen.wait_for_slices()
        seen.find("window-bone").click()
        assert "tilted" in seen.find("notes").inner_text()
        for plane in PLANES:
            go_to(seen, plane, slice_index(corrected, plane, ball_lps))
        empty = Volume(np.zeros(corrected.shape, np.int8), corrected)
        for plane in PLANES:
            expected = cut(empty, plane, slice_index(corrected, plane, ball_lps))
            row, column = expected.to_row_column(ball_lps)
            rows, columns = expected.array.shape
            assert bright_spot(seen, plane) == pytest.approx(
                ((column + 0.5) / columns, (row + 0.5) / rows), abs=0.02
            )
            clicked_lps(seen, f"picture-{plane}", (0.3, 0.7))  # so that it has to come back
            assert clicked_lps(seen, f"picture-{plane}", bright_spot(seen, plane)) == (
                pytest.approx(ball_lps, abs=2.0)
            )
        seen.find("preset-bone").click()
        for side, towards in (("anterior", (0, -1, 0)), ("right", (-1, 0, 0))):
            seen.find(f"look-{side}").click()
            nearest = ball_lps + 9 * np.array(towards)
            assert clicked_lps(seen, "view-3d", bright_spot_in_3d(seen)) == (
                pytest.approx(nearest, abs=3.0)
            )


def clicked_lps(seen: Visit, name: str, spot: tuple[float, float]) -> np.ndarray:
    """Where in LPS mm the crosshair goes by a click, at shares of a view's width and height."""
    box = seen.find(name).bounding_box()
    before = seen.page.evaluate("String(window.vis3d_live.crosshair)")
    seen.page.mouse.click(box["x"] + spot[0] * box["width"], box["y"] + spot[1] * box["height"])
    seen.wait_until(f"String(window.vis3d_live.crosshair) !== '{before}'")
    return np.array(seen.page.evaluate("window.vis3d_live.crosshair"))


def bright_spot_in_3d(seen: Visit) -> tuple[float, float]:
    """Where the ball appears in the 3D view at rest, the only thing that is seen in it."""
    pixels = volume_picture(seen).mean(axis=2)
    pixels[-80:, :80] = 0  # the cube in the corner
    rows, columns = np.nonzero(pixels > 90)
    height, width = pixels.shape
    return float(columns.mean() / width), float((rows.mean() + 40) / (height + 40))


@pytest.mark.real
def test_a_real_chest_opens_in_slices_and_3d(
    visit: Callable[[str], Any], real_data: Path
) -> None:
    with (
        served("serve", real_data / "lidc_idri_0314.zip") as address,
        visit(address) as seen,
    ):
        seen.wait_for_slices()
        seen.wait_for_3d()
        png = seen.find("view-3d").screenshot()
        pixels = np.asarray(Image.open(io.BytesIO(png)).convert("L")).astype(float)
        assert (pixels > 80).mean() > 0.05
        assert "512 × 512 × 275" in seen.find("facts").inner_text()
        assert seen.page.title() == "vis3d"
        assert seen.complaints == []


@pytest.mark.real
def test_several_series_are_offered_as_cards(
    visit: Callable[[str], Any], real_data: Path
) -> None:
    with (
        served("serve", real_data / "lung_pet_ct_dx_a0002.zip") as address,
        visit(address) as seen,
    ):
        seen.find("cards").wait_for(timeout=PATIENCE)
        assert seen.find("card-0").is_visible()
        seen.find("card-1").click()
        seen.wait_for_slices()
        assert "× 30" in seen.find("facts").inner_text()
        assert seen.complaints == []


@pytest.mark.real
def test_a_scan_with_gaps_says_so_and_opens_filled(
    visit: Callable[[str], Any], real_data: Path
) -> None:
    with served("serve", real_data / "ge_tilted_head.zip") as address, visit(address) as seen:
        seen.find("failed").wait_for(timeout=PATIENCE)
        assert "gaps" in seen.find("failed").inner_text()
        seen.find("fill-gaps").click()
        seen.wait_for_slices()
        assert "interpolated" in seen.find("notes").inner_text()
        assert "tilted" in seen.find("notes").inner_text()


def test_what_is_no_scan_is_told(visit: Callable[[str], Any], tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear reader")
    with served("serve", tmp_path) as address, visit(address) as seen:
        seen.find("failed").wait_for(timeout=PATIENCE)
        assert "letter.txt: not DICOM" in seen.find("failed").inner_text()
        assert not seen.find("fill-gaps").count()


def test_where_nobody_knows_how_a_scan_lies_no_letter_says_so(
    visit: Callable[[str], Any], tmp_path: Path
) -> None:
    values = np.arange(24 * 20 * 3, dtype=np.int16).reshape(24, 20, 3)
    nib.Nifti1Image(values, None).to_filename(tmp_path / "unplaced.nii.gz")
    with served("serve", tmp_path / "unplaced.nii.gz") as address, visit(address) as seen:
        seen.wait_for_slices()
        for plane in ("axial", "coronal", "sagittal"):
            assert not seen.find(f"slice-{plane}").locator(".v3-letter:visible").count()
        assert not re.search(
            "[RLAPIS]", seen.find("slice-axial").locator(".v3-where").inner_text()
        )
        assert re.fullmatch(r"[-\d.\s]+mm", seen.find("readout-position").inner_text())
        assert seen.complaints == []


def test_a_surface_file_is_seen_alone(visit: Callable[[str], Any], tmp_path: Path) -> None:
    box = trimesh.creation.box((40, 50, 60))
    box.export(tmp_path / "box.stl")
    with served("serve", tmp_path / "box.stl") as address, visit(address) as seen:
        seen.wait_for_3d()
        seen.find("structure-box").wait_for()
        assert seen.find("volume-box").inner_text() == "120 ml"
        assert not seen.find("slice-axial").count()
        assert seen.complaints == []
