"""The questions a segmentation asks itself, answered in plain sentences."""

import numpy as np

from vis3d.labels import Check
from vis3d.segmentation.anatomy import Anatomy
from vis3d.volume import Finding

SIDES_RATIO = (0.5, 2.0)
MIN_LUNGS_ML = 100.0


def checks_of(anatomy: Anatomy, names: frozenset[str]) -> tuple[Check, ...]:
    """The checks that matter to the structures asked for."""
    checks: list[Check] = [_body_found(anatomy)]
    if names & {"left lung", "right lung"}:
        checks += [_lungs_found(anatomy), _sides_ratio(anatomy), _lungs_split(anatomy)]
    if names & {"left lung", "right lung", "airways"}:
        checks.append(_trachea_found(anatomy))
    if "airways" in names:
        checks.append(_leak(anatomy))
    if "bones" in names:
        checks.append(_bones_found(anatomy))
    return tuple(checks)


def findings_of(anatomy: Anatomy, names: frozenset[str]) -> tuple[Finding, ...]:
    """The failed checks, as findings that every export shows."""
    return tuple(
        Finding(check.code, "warning", check.message)
        for check in checks_of(anatomy, names)
        if not check.ok
    )


def _ml(mask: np.ndarray, anatomy: Anatomy) -> float:
    return float(np.count_nonzero(mask)) * anatomy.frame.voxel_ml


def _body_found(anatomy: Anatomy) -> Check:
    if anatomy.body.any():
        return Check("body-found", True, "A body was found in the scan.")
    return Check("body-found", False, "No body was found in the scan.")


def _lungs_found(anatomy: Anatomy) -> Check:
    left, right = (_ml(side, anatomy) for side in anatomy.lungs)
    if left + right == 0:
        return Check("lungs-found", False, "No lung was found in the scan.")
    if min(left, right) == 0:
        there = "left" if left else "right"
        return Check("lungs-found", False, f"Only the {there} lung was found in the scan.")
    return Check(
        "lungs-found", True, f"Two lungs were found: left {left:.0f} ml, right {right:.0f} ml."
    )


def _sides_ratio(anatomy: Anatomy) -> Check:
    left, right = (_ml(side, anatomy) for side in anatomy.lungs)
    if min(left, right) == 0:
        return Check("sides-ratio", False, "The sides can't be compared: one has no lung.")
    ratio = left / right
    ok = SIDES_RATIO[0] <= ratio <= SIDES_RATIO[1]
    verdict = "plausible" if ok else "implausible unless one lung is diseased or cut"
    return Check(
        "sides-ratio",
        ok,
        f"The left lung has {ratio:.2f} times the right one's volume: {verdict}.",
    )


def _lungs_split(anatomy: Anatomy) -> Check:
    if anatomy.coarse_lungs.merged:
        return Check(
            "lungs-split", True, "The lungs touched and were cut apart where they are thinnest."
        )
    return Check("lungs-split", True, "The lungs lie apart; no cut was needed.")


def _trachea_found(anatomy: Anatomy) -> Check:
    if anatomy.trachea.any():
        return Check("trachea-found", True, "The trachea was found between the lungs.")
    return Check(
        "trachea-found",
        False,
        "No trachea was found: airways that the scan holds may be counted as lung.",
    )


def _leak(anatomy: Anatomy) -> Check:
    tree = anatomy.airways
    if tree.leaked:
        message = (
            f"Above {tree.level_hu:.0f} HU the airways leak into the lung; grown up to there."
        )
    else:
        message = "The airways were followed without leaking."
    return Check("leak", True, message)


def _bones_found(anatomy: Anatomy) -> Check:
    ml = _ml(anatomy.bones, anatomy)
    if ml == 0:
        return Check("bones-found", False, "No bone was found in the scan.")
    return Check("bones-found", True, f"Bones of {ml:.0f} ml were found.")
