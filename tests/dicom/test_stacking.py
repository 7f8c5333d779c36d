"""Where slices lie: rules for spacing, gaps and tilt, on numbers alone."""

import numpy as np
import pytest

from vis3d.dicom.stacking import Stack, order_along_normal, repeats, stack

AXIAL = np.array([[1.0, 0, 0], [0, 1, 0]])


def at(distances: list[float], drift_per_mm: tuple[float, float] = (0.0, 0.0)) -> Stack:
    """Axial slices at these distances, with pixels of 0.7 mm."""
    z = np.array(distances)
    positions = np.column_stack([drift_per_mm[0] * z, drift_per_mm[1] * z, z])
    return stack(positions, AXIAL, (0.7, 0.7))


def codes(found: Stack) -> list[tuple[str, str]]:
    return [(finding.code, finding.severity) for finding in found.findings]


def test_even_slices_need_no_word() -> None:
    found = at([0, 2.5, 5, 7.5])
    assert (found.spacing, found.count, codes(found)) == (2.5, 4, [])


def test_positions_rounded_to_a_tenth_still_end_where_the_scan_ends() -> None:
    true_mm = 0.625 * np.arange(300)
    found = at(np.round(true_mm, 1).tolist())
    assert codes(found) == [("spacing-jitter", "warning")]
    assert found.spacing * 299 == pytest.approx(true_mm[-1], abs=0.05)


def test_a_missing_slice_is_counted_and_placed() -> None:
    found = at([0, 1.25, 2.5, 6.25, 7.5])
    assert codes(found) == [("missing-slices", "error")]
    assert "3.75 mm after slice 3: 2 slices seem to be missing" in found.refusal
    assert (found.count, found.spacing) == (7, 1.25)


def test_a_missing_slice_is_seen_in_the_thinnest_stacks() -> None:
    assert codes(at([0, 0.1, 0.2, 0.4, 0.5])) == [("missing-slices", "error")]


def test_two_spacings_in_one_stack_are_variable_spacing() -> None:
    found = at([0, 4, 8, 12, 19, 26, 33])
    assert codes(found) == [("variable-spacing", "error")]
    assert found.spacing == pytest.approx(33 / 8)


def test_small_gaps_that_add_up_are_not_taken_for_even_ones() -> None:
    slow_growth = np.cumsum(np.linspace(0.95, 1.05, 200))
    assert codes(at(slow_growth.tolist())) == [("variable-spacing", "error")]


@pytest.mark.parametrize("degrees", [2.5, -2.5, 20.0, -20.0])
def test_a_tilt_shows_in_the_drift_even_where_the_angle_is_small(degrees: float) -> None:
    slope = float(np.tan(np.radians(degrees)))
    found = at(list(np.arange(0.0, 300, 2.5)), (0.0, slope))
    assert codes(found) == [("gantry-tilt", "warning")]
    assert f"{abs(degrees):.1f} degrees" in found.findings[0].message


def test_a_drift_below_half_a_pixel_is_rounding() -> None:
    assert not at(list(np.arange(0.0, 100, 2.5)), (0.003, 0.0)).tilted


def test_a_slice_beside_the_others_refuses_the_stack() -> None:
    positions = np.array([[0.0, 0, k] for k in range(9)])
    positions[4, 0] = 30
    found = stack(positions, AXIAL, (0.7, 0.7))
    assert codes(found) == [("in-plane-jump", "error")]
    assert "slice 5 is 30.0 mm beside" in found.refusal


def test_slices_nearer_than_rounding_share_a_place() -> None:
    assert repeats(np.array([0, 1e-6, 2.5, 5, 5])).tolist() == [0, 0, 1, 2, 2]


def test_order_follows_the_normal_not_an_axis() -> None:
    coronal = np.array([[1.0, 0, 0], [0, 0, -1]])
    positions = np.array([[0.0, 3, 9], [0, 1, 9], [0, 2, 9]])
    assert order_along_normal(positions, coronal).tolist() == [1, 2, 0]


def test_slices_that_run_along_their_own_plane_are_refused() -> None:
    found = at([0, 1, 2, 3], (0.0, 2.0))
    assert codes(found) == [("gantry-tilt", "error")]
    assert "63 degrees off their normal" in found.refusal


def test_the_first_slice_beside_the_others_is_named() -> None:
    positions = np.array([[0.0, 0, k] for k in range(9)])
    positions[0, 0] = 30
    assert "slice 1 is 30.0 mm beside" in stack(positions, AXIAL, (0.7, 0.7)).refusal


def test_as_many_gaps_as_neighbours_are_still_missing_slices() -> None:
    assert codes(at([0, 1, 2, 4, 6])) == [("missing-slices", "error")]
