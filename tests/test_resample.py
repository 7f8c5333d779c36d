import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import oblique_geometry
from vis3d.errors import Cancelled, UsageError
from vis3d.geometry import Geometry
from vis3d.labels import LabelMap
from vis3d.resample import isotropic_geometry, resample, shaped_geometry
from vis3d.volume import Volume


def ramp(geometry: Geometry, gradient: tuple[float, float, float] = (1.5, -2.0, 3.0)) -> Volume:
    """Values that rise evenly through the patient: gradient times LPS mm."""
    kji = np.indices(geometry.shape).reshape(3, -1).T
    values = geometry.to_lps(kji[:, ::-1]) @ np.array(gradient)
    return Volume(values.reshape(geometry.shape).astype(np.float32), geometry, "")


def test_the_same_grid_gives_the_same_values(oblique: Geometry) -> None:
    random = np.random.default_rng(0)
    volume = Volume(random.integers(-1000, 1000, oblique.shape).astype(np.int16), oblique)
    again = resample(volume, oblique)
    assert again.array.dtype == np.int16
    np.testing.assert_array_equal(again.array, volume.array)
    assert again.padding is None


@settings(max_examples=15, deadline=None)
@given(
    start=st.tuples(*[st.floats(3.0, 4.0)] * 3),
    spacing=st.tuples(*[st.floats(0.4, 2.0)] * 3),
)
def test_a_ramp_stays_where_it_is_in_the_patient(
    start: tuple[float, float, float], spacing: tuple[float, float, float]
) -> None:
    source = oblique_geometry((20, 30, 40), (1.0, 1.2, 1.5))
    place = source.to_lps(start)
    target = Geometry((5, 6, 7), spacing, tuple(place.tolist()), source.direction)
    found = resample(ramp(source), target)
    assert np.abs(found.array - ramp(target).array).max() < 2e-3


def test_a_turned_grid_sees_the_ramp_at_its_place(oblique: Geometry) -> None:
    target = Geometry((15, 16, 17), (0.5, 0.6, 0.7), tuple(oblique.center_lps.tolist()))
    found = resample(ramp(oblique), target)
    ijk = oblique.to_ijk(target.to_lps(np.indices(target.shape).reshape(3, -1).T[:, ::-1]))
    inside = ((ijk >= 0) & (ijk <= [39, 29, 19])).all(axis=1).reshape(target.shape)
    assert inside.sum() > 1000
    assert np.abs(found.array - ramp(target).array)[inside].max() < 2e-3


def test_edges_hold_the_outermost_values_and_what_lies_outside_is_padding() -> None:
    geometry = Geometry((4, 5, 6), (1.0, 1.0, 1.0))
    volume = Volume(np.full(geometry.shape, 40, np.int16), geometry)
    finer = resample(volume, isotropic_geometry(geometry, 0.5))
    assert (finer.array == 40).all()
    assert finer.padding is None
    wider = resample(volume, geometry.cropped((-2, 0, 0), (8, 5, 6)))
    assert wider.padding == -2048
    assert (wider.array[2:6] == 40).all()
    assert (wider.array[:2] == -2048).all()
    assert (wider.array[6:] == -2048).all()


def test_a_spacing_that_does_not_divide_the_box_leaves_no_padding() -> None:
    geometry = oblique_geometry((7, 9, 11), (0.7, 0.9, 2.5))
    volume = Volume(np.full(geometry.shape, -321, np.int16), geometry)
    found = resample(volume, isotropic_geometry(geometry, 1.0))
    assert found.geometry.spacing == (1.0, 1.0, 1.0)
    assert (found.array == -321).all()


def test_shrinking_averages_instead_of_picking() -> None:
    geometry = Geometry((32, 32, 32))
    noise = np.random.default_rng(1).normal(0, 100, geometry.shape).astype(np.float32)
    small = resample(Volume(noise, geometry, ""), shaped_geometry(geometry, (8, 8, 8)))
    assert small.array.std() < 25  # picking would keep 100, a box of 64 voxels gives 12.5
    assert abs(float(small.array.mean())) < 5


@pytest.mark.parametrize("spacing_mm", [200.0, 1e7])
def test_voxels_much_larger_than_the_scan_are_made_fast(spacing_mm: float) -> None:
    volume = ramp(oblique_geometry((60, 90, 150), (0.7, 0.9, 0.5)))
    started = time.process_time()
    found = resample(volume, isotropic_geometry(volume.geometry, spacing_mm))
    assert time.process_time() - started < 1
    assert found.array.shape == (1, 1, 1)
    assert volume.array.min() <= found.array[0, 0, 0] <= volume.array.max()


def test_a_wide_blur_lies_where_a_narrow_one_does() -> None:
    geometry = Geometry((97, 110, 131), (0.6, 0.7, 0.8), (-30.0, 20.0, 5.0))
    volume = ramp(geometry)
    target = Geometry(
        (3, 3, 3), (11.2, 9.8, 12.0), tuple(geometry.to_lps((50, 40, 30)).tolist())
    )
    found = resample(volume, target)
    assert np.abs(found.array - ramp(target).array).max() < 0.5


def test_stripes_finer_than_the_new_grid_vanish() -> None:
    geometry = Geometry((8, 8, 64), (0.5, 1.0, 1.0))
    stripes = np.broadcast_to(np.where(np.arange(64) % 2, 100, -100), geometry.shape)
    volume = Volume(stripes.astype(np.int16), geometry)
    found = resample(volume, shaped_geometry(geometry, (8, 8, 16)))
    assert np.abs(found.array[:, :, 2:-2]).max() <= 5


@pytest.mark.parametrize("spacing_mm", [0.6, 3.0])
def test_padding_is_never_blended_into_tissue(oblique: Geometry, spacing_mm: float) -> None:
    _, j, i = np.indices(oblique.shape)
    circle = ((j - 14.5) / 15) ** 2 + ((i - 19.5) / 20) ** 2 < 0.8
    array = np.where(circle, 50, -3024).astype(np.int16)
    volume = Volume(array, oblique, "HU", -3024.0)
    found = resample(volume, isotropic_geometry(oblique, spacing_mm))
    assert set(np.unique(found.array)) == {-3024, 50}
    assert found.padding == -3024
    ml = (found.array == 50).sum() * found.geometry.voxel_ml
    assert ml == pytest.approx((array == 50).sum() * oblique.voxel_ml, rel=0.1)


def test_labels_are_picked_never_mixed(oblique: Geometry) -> None:
    array = np.zeros(oblique.shape, np.uint8)
    array[5:15, 8:20, 10:30] = 4
    array[5:15, 8:20, 20:30] = 1
    labels = LabelMap(array, oblique)
    found = resample(labels, isotropic_geometry(oblique, 0.3))
    assert isinstance(found, LabelMap)
    assert set(np.unique(found.array)) == {0, 1, 4}
    assert found.structures == labels.structures
    assert found.volume_ml("bones") == pytest.approx(labels.volume_ml("bones"), rel=0.03)
    back = resample(found, oblique)
    assert (back.array == array).mean() > 0.98


def test_labels_outside_the_old_grid_are_none(oblique: Geometry) -> None:
    labels = LabelMap(np.ones(oblique.shape, np.uint8), oblique)
    found = resample(labels, oblique.cropped((-3, -4, -5), (26, 38, 50)))
    inside = np.zeros(found.array.shape, bool)
    inside[3:23, 4:34, 5:45] = True
    np.testing.assert_array_equal(found.array == 1, inside)


def test_a_shape_covers_the_same_box(oblique: Geometry) -> None:
    target = shaped_geometry(oblique, (16, 16, 16))
    assert target.shape == (16, 16, 16)
    faces = np.array([[-0.5] * 3, [39.5, 29.5, 19.5]])
    new_faces = np.array([[-0.5] * 3, [15.5] * 3])
    np.testing.assert_allclose(target.to_lps(new_faces), oblique.to_lps(faces), atol=1e-9)
    assert target.spacing == pytest.approx((0.7 * 40 / 16, 0.9 * 30 / 16, 2.5 * 20 / 16))


@pytest.mark.parametrize("wrong", [0.0, -1.0, float("nan")])
def test_a_spacing_must_be_positive(oblique: Geometry, wrong: float) -> None:
    with pytest.raises(UsageError, match="positive number of mm"):
        isotropic_geometry(oblique, wrong)


def test_a_shape_must_be_positive(oblique: Geometry) -> None:
    with pytest.raises(UsageError, match="NK,NJ,NI"):
        shaped_geometry(oblique, (16, 0, 16))


def test_progress_rises_and_can_stop_the_work() -> None:
    geometry = Geometry((64, 256, 256))
    volume = Volume(np.zeros(geometry.shape, np.int16), geometry)
    told: list[float] = []
    resample(volume, geometry, progress=lambda fraction, _: told.append(fraction))
    assert told == sorted(told)
    assert told[-1] == 1.0

    def stop(fraction: float, what: str) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        resample(volume, geometry, progress=stop)
