"""The questions a segmentation asks itself, answered in plain sentences."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from vis3d.labels import Check
from vis3d.segmentation.anatomy import Anatomy
from vis3d.segmentation.frame import Bools
from vis3d.volume import Finding

SIDES_RATIO = (0.5, 2.0)
"""Left to right: healthy lungs have 0.7 to 1."""
DENSE_HU = -500
MAX_DENSE_SHARE = 0.2
"""Vessels make up to a tenth of a healthy lung denser than this."""
MIN_EDGE_MM2 = 100.0
MAX_AIRWAYS_ML = 120.0
MIN_GAS_ML = 5.0
LUNGS = frozenset({"left lung", "right lung"})


def checks_of(anatomy: Anatomy, names: frozenset[str]) -> tuple[Check, ...]:
    """The checks that matter to the structures asked for."""
    return tuple(
        check
        for structures, ask in _QUESTIONS.items()
        if names & structures
        for check in ask(anatomy)
    )


def findings_of(checks: tuple[Check, ...]) -> tuple[Finding, ...]:
    """The failed checks, as findings that every export shows."""
    return tuple(Finding(c.code, "warning", c.message) for c in checks if not c.ok)


def _any_structure(anatomy: Anatomy) -> Iterator[Check]:
    if not anatomy.body.any():
        yield Check("body-found", False, "No body was found in the scan.")


def _body(anatomy: Anatomy) -> Iterator[Check]:
    if not anatomy.body.any():
        return
    liters = _ml(anatomy.fine_body, anatomy) / 1000
    yield Check("body-found", True, f"A body of {liters:.1f} l was found in the scan.")
    cut = _touches_sides(anatomy.body, anatomy)
    message = "The field of view cuts the body: parts of it lie outside the scan."
    yield Check("body-cut", not cut, message if cut else "The field of view holds the body.")


def _lungs(anatomy: Anatomy) -> Iterator[Check]:
    left, right = (_ml(anatomy.lungs == side, anatomy) for side in (1, 2))
    if left + right == 0:
        yield Check("lungs-found", False, "No lung was found in the scan.")
        return
    if min(left, right) == 0:
        there = "left" if left else "right"
        yield Check("lungs-found", False, f"Only the {there} lung was found in the scan.")
    else:
        found = f"Two lungs were found: left {left:.0f} ml, right {right:.0f} ml."
        yield Check("lungs-found", True, found)
        yield _sides_ratio(left / right)
        yield _lungs_split(anatomy)
    yield _touches_edge(anatomy)
    yield _dense_lung(anatomy)
    yield _gas(anatomy)


def _sides_ratio(ratio: float) -> Check:
    ok = SIDES_RATIO[0] <= ratio <= SIDES_RATIO[1]
    verdict = "plausible" if ok else "implausible unless one lung is diseased or cut off"
    message = f"The left lung has {ratio:.2f} times the volume of the right one: {verdict}."
    return Check("sides-ratio", ok, message)


def _lungs_split(anatomy: Anatomy) -> Check:
    if not anatomy.coarse_lungs.merged:
        return Check("lungs-split", True, "The lungs lie apart; no cut was needed.")
    message = "The lungs touched and were cut apart where they are thinnest."
    return Check("lungs-split", True, message)


def _touches_edge(anatomy: Anatomy) -> Check:
    lungs = anatomy.coarse_lungs.both
    _, j_mm, i_mm = anatomy.spacing
    cut = []
    for end, where in ((-1, "top"), (0, "bottom")):
        if np.count_nonzero(lungs[end]) * j_mm * i_mm > MIN_EDGE_MM2:
            cut.append(where)
    if _touches_sides(lungs, anatomy):
        cut.append("sides")
    if not cut:
        return Check("touches-edge", True, "The scan holds the lungs completely.")
    message = f"The scan cuts the lungs ({', '.join(cut)}): their volumes are incomplete."
    return Check("touches-edge", False, message)


def _touches_sides(mask: Bools, anatomy: Anatomy) -> bool:
    """Whether the mask reaches the sides of the field of view, or the padding round it."""
    k_mm, j_mm, i_mm = anatomy.spacing
    rows = np.count_nonzero(mask[:, [0, -1]]) * k_mm * i_mm
    columns = np.count_nonzero(mask[:, :, [0, -1]]) * k_mm * j_mm
    padding = anatomy.beside_padding
    beside = 0.0 if padding is None else np.count_nonzero(mask & padding) * k_mm * j_mm
    return float(rows + columns + beside) > 5 * MIN_EDGE_MM2


def _dense_lung(anatomy: Anatomy) -> Check:
    lungs = anatomy.coarse_lungs.both
    share = float(np.mean(anatomy.hu[lungs] > DENSE_HU)) if lungs.any() else 0.0
    ok = share <= MAX_DENSE_SHARE
    doubt = "" if ok else ": consolidation or fluid may be partly missing from the lungs"
    message = f"{100 * share:.0f} % of the lungs are denser than {DENSE_HU} HU{doubt}."
    return Check("dense-lung", ok, message)


def _gas(anatomy: Anatomy) -> Check:
    lungs = anatomy.coarse_lungs.both
    rest = anatomy.air & ~lungs & ~anatomy.coarse_airways
    gas_ml = float(np.count_nonzero(rest)) * float(np.prod(anatomy.spacing)) / 1000
    if gas_ml < MIN_GAS_ML:
        return Check("gas-removed", True, "There is hardly any gas outside lungs and airways.")
    message = f"{gas_ml:.0f} ml of gas elsewhere (stomach, bowel, sinuses) were left out."
    return Check("gas-removed", True, message)


def _airways(anatomy: Anatomy) -> Iterator[Check]:
    lungs = anatomy.coarse_lungs.both
    if not anatomy.trachea.any():
        message = "No trachea was found"
        if lungs.any():
            message += ": airways that the scan holds may be counted as lung"
        yield Check("trachea-found", False, f"{message}.")
        return
    yield Check("trachea-found", True, "The trachea was found between the lungs.")
    tree, ml = anatomy.airways, _ml(anatomy.airways.mask, anatomy)
    if ml > MAX_AIRWAYS_ML:
        message = f"The airways hold {ml:.0f} ml: they have probably leaked into the lung."
        yield Check("leak", False, message)
    elif tree.leaks:
        message = f"Airways were followed up to {tree.level_hu:.0f} HU; above, walls give way."
        yield Check("leak", True, message)
    else:
        yield Check("leak", True, "The airways were followed without a leak.")


def _bones(anatomy: Anatomy) -> Iterator[Check]:
    ml = _ml(anatomy.bones, anatomy)
    if ml == 0:
        yield Check("bones-found", False, "No bone was found in the scan.")
        return
    yield Check("bones-found", True, f"Bones of {ml:.0f} ml were found.")
    contrast = anatomy.contrast
    if contrast.found:
        message = (
            f"Contrast of up to {contrast.level_hu:.0f} HU fills vessels or organs; they were "
            "left out of the bones. Undiluted contrast in veins may remain."
        )
        yield Check("contrast", True, message)
    else:
        yield Check("contrast", True, "No contrast as dense as bone was found.")


def _ml(mask: Bools, anatomy: Anatomy) -> float:
    return float(np.count_nonzero(mask)) * anatomy.frame.voxel_ml


_QUESTIONS: Mapping[frozenset[str], Callable[[Anatomy], Iterator[Check]]] = {
    LUNGS | {"airways", "bones", "body"}: _any_structure,
    frozenset({"body"}): _body,
    LUNGS: _lungs,
    LUNGS | {"airways"}: _airways,
    frozenset({"bones"}): _bones,
}
"""Whom to ask about which structures."""
