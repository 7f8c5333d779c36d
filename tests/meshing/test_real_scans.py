"""Real bones and bodies: noise, thin plates and touching specks that no phantom has."""

from pathlib import Path

import cc3d
import numpy as np
import pytest

from tests.meshing.judges import is_closed_and_manifold
from vis3d.files import load_volume
from vis3d.meshing import Deviation, extract_surface, isosurface, report_surface
from vis3d.volume import Mask, Volume

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def slab(real_data: Path) -> Volume:
    return load_volume(real_data / "lidc_idri_0314.zip", slices=slice(120, 165))


@pytest.fixture(scope="module")
def bones(slab: Volume) -> Mask:
    hard = cc3d.connected_components(np.asarray(slab.array > 200), connectivity=18)
    large = np.bincount(hard.reshape(-1)) > 300
    large[0] = False
    return slab.mask(large[hard], "bones")


def test_bones_are_closed_manifold_and_as_large_as_their_voxels(
    slab: Volume, bones: Mask
) -> None:
    report = report_surface(extract_surface(bones, slab), mask=bones)
    assert report.closed
    assert report.manifold
    assert abs(report.volume_change_percent or 0) < 0.5


def test_a_seventh_of_the_triangles_follows_the_bones_and_stays_closed(
    slab: Volume, bones: Mask
) -> None:
    full = extract_surface(bones, slab)
    fewer = extract_surface(bones, slab, max_triangles=len(full.triangles) // 7)
    told = fewer.metadata["deviation"]
    assert isinstance(told, Deviation)
    assert told.p95 < 0.25
    assert fewer.volume_ml == pytest.approx(bones.volume_ml, rel=0.02)
    assert is_closed_and_manifold(fewer)
    assert report_surface(fewer).manifold


def test_the_body_of_a_padded_scan_is_one_closed_surface(real_data: Path) -> None:
    volume = load_volume(real_data / "cmb_crc_01068.zip", slices=slice(40, 52))
    surface = isosurface(volume, -300)
    assert is_closed_and_manifold(surface)
    inside = np.asarray(volume.array >= -300) & volume.inside_scan()
    voxels_ml = np.count_nonzero(inside) * volume.geometry.voxel_ml
    assert surface.volume_ml == pytest.approx(voxels_ml, rel=0.02)
