"""The questions that lungs and airways must answer, in plain sentences."""

from collections.abc import Iterator

import numpy as np
from scipy.ndimage import uniform_filter

from vis3d.labels import Check
from vis3d.segmentation.anatomy import Anatomy
from vis3d.segmentation.coordinates import coordinates
from vis3d.segmentation.lungs.lungs import MAX_RATIO, blunt_ends
from vis3d.segmentation.lungs.sides import ACROSS_MM, LEFT, MAX_ACROSS, RIGHT
from vis3d.segmentation.other_side import other_side
from vis3d.segmentation.rib_gap import rib_gap
from vis3d.segmentation.voxels.frame import Bools
from vis3d.segmentation.voxels.morphology import (
    bounding_box,
    components,
    fringed,
    grown,
    indices,
    sections,
    sizes,
    sums,
    trimmed,
)
from vis3d.segmentation.wording import in_cm2, in_ml, place_of, slices_of

SIDES_RATIO = (0.5, 2.0)
"""Left to right: healthy lungs have 0.7 to 1."""
DENSE_HU = -500
MAX_DENSE_SHARE = 0.2
"""Vessels make up to a tenth of a healthy lung denser than this."""
MIN_DOUBT_ML = 20.0
FREE_AIR_HU, MIN_FREE_AIR_ML = -975, 20.0
"""In no lung with blood in it as much hangs together as dark; noise makes 2 ml do so."""
MAX_CUT_CM2 = 20.0
"""Lungs touch along the anterior junction; a wider contact makes the cut uncertain."""
MIN_BESIDE_ML, MIN_BESIDE = 10.0, 0.08
"""Gas beside a lung: how much, and how much of its surface touches the lung at least."""
BESIDE_MM = 4.0
MIN_EDGE_MM2 = 100.0
EVERY = (slice(None, None, 2),) * 3
"""Which voxels of the 2 mm grid say how much of a lung lies where."""
MAX_AIRWAYS_ML = 140.0
MIN_TRACHEA_SHARE = 0.001
"""A trachea takes more of the body's largest section (0.0017 at least in four real chests), a
tube's lumen less."""
NOWHERE = np.zeros((0, 3), np.int64)
MIN_GAS_ML = 5.0


def about_lungs(anatomy: Anatomy) -> Iterator[Check]:
    """What the lungs of a scan say of themselves."""
    ml = anatomy.frame.voxel_ml
    left, right = (anatomy.lung_voxels[side] * ml for side in (LEFT, RIGHT))
    if left + right == 0:
        yield Check("lungs-found", False, "No lung was found in the scan, by two methods.")
        return
    if min(left, right) == 0:
        there, missing = ("left", "right") if left else ("right", "left")
        message = (
            f"Only the {there} lung was found in the scan: the {missing} one is missing, "
            "without air, as dark as gas, or outside the field of view."
        )
        yield Check("lungs-found", False, message)
        across = _across(anatomy)
        if across:
            yield Check("lungs-split", False, across)
    else:
        both = f"left {in_ml(left, anatomy)}, right {in_ml(right, anatomy)}"
        found = f"Two lungs were found: {both}."
        yield Check("lungs-found", True, found)
        yield _sides_ratio(left / right)
        yield _lungs_split(anatomy)
    yield _middle_found(anatomy)
    yield from _second_method(anatomy)
    gas = anatomy.air & ~anatomy.coarse_lungs.both & ~anatomy.coarse_airways
    yield _touches_edge(anatomy)
    yield _whole_height(anatomy)
    yield _dense_lung(anatomy)
    yield _doubted(anatomy)
    yield other_side(anatomy)
    yield rib_gap(anatomy)
    yield _free_air(anatomy, gas)
    yield _gas(anatomy, gas)
    yield coordinates(anatomy)


def about_airways(anatomy: Anatomy) -> Iterator[Check]:
    """What the airways say of themselves."""
    if not anatomy.trachea.any():
        message = "No trachea was found"
        if anatomy.coarse_lungs.both.any():
            message += ": airways that the scan holds may be counted as lung"
        yield Check("trachea-found", False, f"{message}.")
        return
    yield _wide_enough(anatomy)
    tree = anatomy.airways
    yield _bronchi(anatomy)
    ml = len(tree.places) * anatomy.frame.voxel_ml
    amount = in_ml(ml, anatomy)
    if ml > MAX_AIRWAYS_ML:
        message = (
            f"The airways hold {amount}: they have probably leaked into a lung, which is then "
            "too small."
        )
        yield Check("leak", False, message)
    elif tree.leaks:
        branches = "1 branch" if tree.leaks == 1 else f"{tree.leaks} branches"
        message = (
            f"The airways were followed for {amount}, up to {tree.level_hu:.0f} HU; "
            f"{branches} ended where walls give way."
        )
        yield Check("leak", True, message)
    else:
        yield Check("leak", True, "The airways were followed without a leak.")


def _wide_enough(anatomy: Anatomy) -> Check:
    """Whether what was found of the trachea is wider than the lumen of a tube in it."""
    open_ = sections(anatomy.trachea)
    typical = float(np.median(open_[open_ > 0]))
    if typical > MIN_TRACHEA_SHARE * sections(anatomy.body).max():
        return Check("trachea-found", True, "The trachea was found.")
    mm2 = typical * float(np.prod(anatomy.spacing[1:])) / anatomy.frame.enlarged**2
    message = (
        f"Only {mm2:.0f} mm2 of the trachea are open: it is narrow, or this is a tube in it; "
        "airways round and below it may be counted as lung."
    )
    return Check("trachea-found", False, message)


def _bronchi(anatomy: Anatomy) -> Check:
    """Whether the airways come as far as each lung that there is."""
    lungs = anatomy.coarse_lungs
    there = {"left": lungs.left.any(), "right": lungs.right.any()}
    missing = [side for side in anatomy.without_bronchus if there[side]]
    if not missing:
        return Check("bronchi", True, "The airways were followed to the lungs.")
    message = (
        f"The airways end before the {' and the '.join(missing)} lung: blocked, cut off or "
        "not seen; bronchi beyond may be counted as lung."
    )
    return Check("bronchi", False, message)


def _sides_ratio(ratio: float) -> Check:
    ok = SIDES_RATIO[0] <= ratio <= SIDES_RATIO[1]
    verdict = "plausible" if ok else "implausible unless one lung is diseased or cut off"
    message = f"The left lung has {ratio:.2f} times the volume of the right one: {verdict}."
    return Check("sides-ratio", ok, message)


def _middle_found(anatomy: Anatomy) -> Check:
    if anatomy.middle_shown:
        return Check("middle-found", True, "The scan shows where the body's middle is.")
    message = (
        "Neither spine nor trachea nor skin show on which side of the scan the body's middle "
        "is: left and right lung may be exchanged."
    )
    return Check("middle-found", False, message)


def _second_method(anatomy: Anatomy) -> Iterator[Check]:
    lungs = anatomy.coarse_lungs
    if lungs.tried < 2:
        return
    why = f"a lung was missing, or {MAX_RATIO:.0f} times smaller than the other"
    if lungs.second:
        message = (
            f"After the first method {why}: this is the answer of a second one, which reads "
            "all enclosed air below a fixed level and leaves out the trachea only. Look at its "
            "lungs before you use them."
        )
    else:
        message = f"After the first method {why}; a second one found no better answer."
    yield Check("second-method", False, message)


def _lungs_split(anatomy: Anatomy) -> Check:
    lungs = anatomy.coarse_lungs
    across = _across(anatomy)
    if across:
        return Check("lungs-split", False, across)
    places = indices(fringed(lungs.left) & lungs.right) if lungs.merged else NOWHERE
    if not len(places):
        return Check("lungs-split", True, "The lungs lie apart; no cut was needed.")
    spacing, enlarged = anatomy.spacing, anatomy.frame.enlarged
    # both layers of voxels along the cut are counted, each as large as a face
    cm2 = len(places) * float(np.prod(spacing)) ** (2 / 3) / 100
    height_mm = (np.ptp(places[:, 0]) + 1) * spacing[0] / enlarged
    message = (
        "The lungs touched and were cut apart where they are thinnest: about "
        f"{place_of(places, anatomy)}, over a height of {height_mm:.0f} mm"
        f"{slices_of(places, anatomy)}."
    )
    if cm2 > MAX_CUT_CM2:
        wide = in_cm2(cm2, anatomy)
        message += f" The contact is wide ({wide}): look whether the cut is right."
    return Check("lungs-split", bool(cm2 <= MAX_CUT_CM2), message)


def _across(anatomy: Anatomy) -> str:
    """What to say of a lung that goes on far beyond the middle of the body; mostly nothing."""
    lungs = anatomy.coarse_lungs
    for name, lung, sign in (("left", lungs.left, 1), ("right", lungs.right, -1)):
        ml = _beyond_middle_ml(lung, sign, anatomy)
        if ml > 0:
            return (
                f"The {name} lung goes on beyond the middle of the body: {in_ml(ml, anatomy)} "
                f"of it lie more than {ACROSS_MM:.0f} mm on the other side. Both lungs may be "
                "counted as one, unless the other one is gone."
            )
    return ""


def _beyond_middle_ml(lung: Bools, sign: int, anatomy: Anatomy) -> float:
    """How much of a lung lies far beyond the middle, if that is more than a lung may have.

    The plane on whose sides bones and skin lie most alike has the last word, since a patient
    may lie turned.
    """
    thinned = np.zeros(lung.shape, bool)
    thinned[EVERY] = lung[EVERY]
    places = indices(thinned)
    share = np.mean(sign * anatomy.from_middle_mm(places) < -ACROSS_MM) if len(places) else 0.0
    if share > MAX_ACROSS:
        left_mm = anatomy.middle.left_of_mm(lung.shape, anatomy.steps_mm)[thinned]
        share = np.mean(sign * left_mm < -ACROSS_MM)
    return _coarse_ml(lung, anatomy) * float(share) if share > MAX_ACROSS else 0.0


def _touches_edge(anatomy: Anatomy) -> Check:
    lungs = anatomy.coarse_lungs.both
    k_mm, j_mm, i_mm = anatomy.spacing
    ends = (
        (lungs[-1], j_mm * i_mm, "top"),
        (lungs[0], j_mm * i_mm, "bottom"),
        (lungs[:, 0], k_mm * i_mm, "front"),
        (lungs[:, -1], k_mm * i_mm, "back"),
        (lungs[:, :, 0], k_mm * j_mm, "right side"),
        (lungs[:, :, -1], k_mm * j_mm, "left side"),
    )
    cut = [where for face, mm2, where in ends if np.count_nonzero(face) * mm2 > MIN_EDGE_MM2]
    padding = anatomy.beside_padding
    near = 0 if padding is None else np.count_nonzero(fringed(lungs) & padding)
    if near * k_mm * j_mm > MIN_EDGE_MM2:
        cut.append("edge of what was measured")
    if not cut:
        return Check("touches-edge", True, "The scan holds the lungs completely.")
    message = f"The scan cuts the lungs ({', '.join(cut)}): their volumes are incomplete."
    return Check("touches-edge", False, message)


def _whole_height(anatomy: Anatomy) -> Check:
    """Whether a lung ends bluntly where the scan goes on: lungs taper off."""
    lungs = anatomy.coarse_lungs
    both = {"left": lungs.left, "right": lungs.right}
    blunt = {
        side: np.concatenate(blunt_ends(lung, anatomy.spacing)) for side, lung in both.items()
    }
    sides = [side for side, heights in blunt.items() if len(heights)]
    if not sides:
        return Check("whole-height", True, "The lungs taper off at their tops and bottoms.")
    where = slices_of(np.concatenate([blunt[side] for side in sides])[:, None], anatomy)
    message = (
        f"No lung ends as bluntly as the {' and the '.join(sides)} lung here{where}: lung "
        "without air is missing, slices are damaged, or air from outside comes in (a drain)."
    )
    return Check("whole-height", False, message)


def _dense_lung(anatomy: Anatomy) -> Check:
    lungs = anatomy.coarse_lungs.both
    dense = np.count_nonzero((anatomy.hu > DENSE_HU) & lungs)
    share = float(dense) / max(int(np.count_nonzero(lungs)), 1)
    message = f"{100 * share:.0f} % of the lungs are denser than {DENSE_HU} HU"
    if share <= MAX_DENSE_SHARE:
        return Check("dense-lung", True, f"{message}.")
    message += ": consolidation, ground glass or a scan in expiration"
    return Check("dense-lung", False, f"{message}; lung without air may be missing.")


def _doubted(anatomy: Anatomy) -> Check:
    ml = anatomy.coarse_lungs.doubted_ml
    if ml < MIN_DOUBT_ML:
        return Check("doubt", True, "No dense tissue in hollows of the lungs is in doubt.")
    message = (
        f"{in_ml(ml, anatomy)} of dense tissue in hollows of the lungs were left out: "
        "consolidation or a mass there would be lung; fluid would not."
    )
    return Check("doubt", False, message)


def _free_air(anatomy: Anatomy, gas: Bools) -> Check:
    lungs = anatomy.coarse_lungs
    dark_ml = {"left": _free_air_ml(lungs.left, anatomy)}
    dark_ml["right"] = _free_air_ml(lungs.right, anatomy)
    dark = [f"{in_ml(ml, anatomy)} of the {name} lung" for name, ml in dark_ml.items() if ml]
    if dark:
        message = (
            f"{' and '.join(dark)} are as dark as free air: large bullae, severe emphysema, "
            "a pneumothorax, or a scan whose values are off."
        )
        return Check("free-air", False, message)
    ml = _beside_lungs_ml(gas, anatomy)
    if ml > 0:
        message = (
            f"{in_ml(ml, anatomy)} of gas that touch the lungs were left out: a pneumothorax, "
            "or a bulla, which would be lung."
        )
        return Check("free-air", False, message)
    return Check("free-air", True, "The lungs are denser than free air.")


def _free_air_ml(lung: Bools, anatomy: Anatomy) -> float:
    """How much of a lung lies in large pieces as dark as free air, be they thin layers.

    A voxel counts where most around it are as dark: in noise only a few are.
    """
    dark = lung & (anatomy.hu < FREE_AIR_HU)
    if _coarse_ml(dark, anatomy) < MIN_FREE_AIR_ML:
        return 0.0
    box = bounding_box(dark)
    pieces = components(dark[box] & (uniform_filter(dark[box].astype(np.float32), 3) > 0.5))
    ml = sizes(pieces)[1:] * (float(np.prod(anatomy.spacing)) / 1000)
    return float(ml[ml > MIN_FREE_AIR_ML].sum())


def _beside_lungs_ml(gas: Bools, anatomy: Anatomy) -> float:
    """How much of the gas lies in pieces that touch the lungs; a stomach's wall is thicker."""
    if _coarse_ml(gas, anatomy) < MIN_BESIDE_ML:
        return 0.0
    reach_mm = max(BESIDE_MM, 2 * max(anatomy.spacing[1:]))  # over a wall of one voxel
    box = bounding_box(gas, reach_mm, anatomy.spacing)
    gas, lungs = gas[box], anatomy.coarse_lungs.both[box]
    pieces = components(gas)
    edge = gas & ~trimmed(gas)
    near = grown(lungs, reach_mm, anatomy.spacing)
    surface = np.maximum(sums(pieces, edge), 1)
    ml = sizes(pieces) * float(np.prod(anatomy.spacing)) / 1000
    beside = (sums(pieces, edge & near) > MIN_BESIDE * surface) & (ml > MIN_BESIDE_ML)
    return float(ml[beside].sum())


def _gas(anatomy: Anatomy, gas: Bools) -> Check:
    gas_ml = _coarse_ml(gas, anatomy)
    if gas_ml < MIN_GAS_ML:
        return Check("gas-removed", True, "There is hardly any gas outside lungs and airways.")
    message = (
        f"{in_ml(gas_ml, anatomy)} of gas elsewhere (stomach, bowel, sinuses) were left out."
    )
    return Check("gas-removed", True, message)


def _coarse_ml(mask: Bools, anatomy: Anatomy) -> float:
    return float(np.count_nonzero(mask)) * float(np.prod(anatomy.spacing)) / 1000
