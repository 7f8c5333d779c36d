"""The questions a segmentation asks itself, answered in plain sentences."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from vis3d.labels import Check
from vis3d.segmentation.anatomy import Anatomy
from vis3d.segmentation.body.parts import TISSUE_HU
from vis3d.segmentation.bones.arteries import thinner_than_a_trunk
from vis3d.segmentation.bones.bones import DENSE_HU as DENSE_BONE_HU
from vis3d.segmentation.lung_checks import MIN_EDGE_MM2, about_airways, about_lungs
from vis3d.segmentation.voxels.frame import Bools
from vis3d.segmentation.voxels.grids import coarse_spacing, every, factors_for, mostly
from vis3d.segmentation.voxels.morphology import components, fringed, grown, shrunk, sizes, sums
from vis3d.segmentation.voxels.noise import BEARABLE_HU
from vis3d.segmentation.wording import in_ml
from vis3d.volume import Finding

LUNGS = frozenset({"left lung", "right lung"})
BONY = frozenset({"bones", "cortical", "cancellous"})
MAX_VOXEL_MM = 3.0
BESIDE_GRID_MM, LIMB_MM, MIN_BESIDE_ML = 4.0, 8.0, 20.0
"""Where limbs that the field of view cuts are looked for, half of how thick they are at least,
and how large."""


def checks_of(anatomy: Anatomy, names: frozenset[str]) -> tuple[Check, ...]:
    """The checks that matter to the structures asked for."""
    return tuple(
        check
        for structures, ask in _QUESTIONS.items()
        if names & structures
        for check in ask(anatomy)
    )


def findings_of(anatomy: Anatomy, checks: tuple[Check, ...]) -> tuple[Finding, ...]:
    """The failed checks, as findings that every export shows, and contrast, which densities
    depend on.
    """
    doubts = [Finding(c.code, "warning", c.message) for c in checks if not c.ok]
    contrast = [
        Finding(c.code, "note", c.message)
        for c in checks
        if c.code == "contrast" and _contrast_found(anatomy.with_bones)
    ]
    return (*doubts, *contrast)


def _any_structure(anatomy: Anatomy) -> Iterator[Check]:
    if not anatomy.body.any():
        yield Check("body-found", False, "No body was found in the scan.")


def _body(anatomy: Anatomy) -> Iterator[Check]:
    if not anatomy.body.any():
        return
    liters = anatomy.body_voxels * anatomy.frame.voxel_ml / 1000
    yield Check("body-found", True, f"A body of {liters:.1f} l was found in the scan.")
    yield _body_cut(anatomy)


def _body_cut(anatomy: Anatomy) -> Check:
    beside_ml = _cut_beside_ml(anatomy)
    if _touches_sides(anatomy.body, anatomy):
        message = "The field of view cuts the body: parts of it lie outside the scan."
    elif beside_ml > 0:
        message = "The field of view holds the trunk, but cuts what lies beside it."
    else:
        return Check("body-cut", True, "The field of view holds the body.")
    if beside_ml > 0:
        message += (
            f" {beside_ml:.0f} ml as dense as tissue at its edge were left out: if that is an "
            "arm or a leg, it is missing from the body."
        )
    return Check("body-cut", False, message)


def _cut_beside_ml(anatomy: Anatomy) -> float:
    """How much thick tissue, apart from the body, the sides of the field of view cut.

    Limbs of which they leave little are no body. Tables are thinner, or lie behind it.
    """
    factors = factors_for(anatomy.spacing, BESIDE_GRID_MM)
    sampled = every(factors)
    spacing = coarse_spacing(anatomy.spacing, factors)
    hu, body = anatomy.hu[sampled], anatomy.body[sampled]
    beyond = np.ones((hu.shape[0], hu.shape[1] + 2, hu.shape[2] + 2), bool)
    inside = (slice(None), slice(1, -1), slice(1, -1))
    beyond[inside] = False if anatomy.unmeasured is None else anatomy.unmeasured[sampled]
    tissue = np.zeros(beyond.shape, bool)
    tissue[inside] = (hu > TISSUE_HU[0]) & (hu < TISSUE_HU[1]) & ~body
    tissue &= ~beyond
    if not (tissue & fringed(beyond)).any():
        return 0.0
    thick = shrunk(tissue | beyond, LIMB_MM, spacing) & tissue
    pieces = components(grown(thick, LIMB_MM, spacing) & tissue)
    before_or_behind = np.zeros(beyond.shape, bool)
    before_or_behind[inside] = body.any(axis=1, keepdims=True)
    voxels = sizes(pieces)
    aside = 2 * sums(pieces, before_or_behind) < voxels
    cut: NDArray[np.bool_] = aside & (sums(pieces, fringed(beyond)) > 0)
    ml = voxels * float(np.prod(spacing)) / 1000
    return float(ml[cut & (ml > MIN_BESIDE_ML)].sum())


def _touches_sides(mask: Bools, anatomy: Anatomy) -> bool:
    """Whether a coarse mask reaches the sides of the field of view, or the padding round it."""
    k_mm, j_mm, i_mm = anatomy.spacing
    rows = np.count_nonzero(mask[:, [0, -1]]) * k_mm * i_mm
    columns = np.count_nonzero(mask[:, :, [0, -1]]) * k_mm * j_mm
    padding = anatomy.beside_padding
    beside = 0.0 if padding is None else np.count_nonzero(mask & padding) * k_mm * j_mm
    return float(rows + columns + beside) > 5 * MIN_EDGE_MM2


def _bones(anatomy: Anatomy) -> Iterator[Check]:
    ml = _ml(anatomy.bones, anatomy)
    if ml == 0:
        yield Check("bones-found", False, "No bone was found in the scan.")
        return
    yield Check("bones-found", True, f"Bones of {in_ml(ml, anatomy)} were found.")
    yield _contrast(anatomy)
    cut = _touches_sides(mostly(anatomy.bones, anatomy.factors, 0.3), anatomy)
    message = "The field of view cuts bones at its sides: they end there and lie open."
    yield Check("bones-cut", not cut, message if cut else "The field of view cuts no bone.")
    yield _thin_bone(anatomy)


def _contrast(anatomy: Anatomy) -> Check:
    """How contrast was treated; it never fails."""
    return Check("contrast", True, _contrast_in_words(anatomy))


def _contrast_found(anatomy: Anatomy) -> bool:
    return anatomy.contrast.densest_hu >= DENSE_BONE_HU or anatomy.organs_ml > 0


def _contrast_in_words(anatomy: Anatomy) -> str:
    contrast = anatomy.contrast
    if contrast.densest_hu >= DENSE_BONE_HU:
        return (
            f"Contrast of up to {contrast.densest_hu:.0f} HU fills vessels or organs; they "
            "were left out of the bones. Thin vessels, and undiluted contrast in veins, may "
            "remain."
        )
    if anatomy.organs_ml > 0:
        return (
            f"Contrast fills {in_ml(anatomy.organs_ml, anatomy)} of bowel, bladder or kidney; "
            "they were left out of the bones. Thin loops beside them may remain."
        )
    if anatomy.specimen:
        return (
            "The scan seems to show a phantom or a dry bone, for nothing in it lies between "
            "fat and muscle: what is dense was taken for bone, unless it is far less dense "
            "than the rest."
        )
    if _without_trunk(anatomy):
        return (
            "No contrast as dense as bone was found. In limbs and neck thin arteries full of "
            "it, and those that touch a vein or bone, would count as bone."
        )
    return "No contrast as dense as bone was found."


def _without_trunk(anatomy: Anatomy) -> bool:
    """Whether the scan shows limbs, neck or head for the most part."""
    if anatomy.airy.any():
        return False
    thin = thinner_than_a_trunk(anatomy.body, anatomy.spacing)
    return bool(2 * np.count_nonzero(thin) > np.count_nonzero(anatomy.body))


def _thin_bone(anatomy: Anatomy) -> Check:
    largest = max(anatomy.frame.spacing_kji)
    blur, noise = anatomy.noise
    if largest > MAX_VOXEL_MM:
        mm = largest / anatomy.frame.enlarged
        message = f"Voxels of {mm:.1f} mm hide thin bone: expect holes in thin walls."
        return Check("thin-bone", False, message)
    if noise > BEARABLE_HU:
        message = f"Noise of {noise:.0f} HU is left after smoothing: thin bone is in doubt."
        return Check("thin-bone", False, message)
    smoothed = "The scan was smoothed against noise. " if blur else ""
    return Check("thin-bone", True, f"{smoothed}Voxels are small enough for most thin bone.")


def _metal(anatomy: Anatomy) -> Iterator[Check]:
    if anatomy.metal is None:
        yield Check("metal", True, "No metal was found.")
        return
    message = (
        f"Metal, or contrast as dense as metal, of {_ml(anatomy.metal, anatomy):.1f} ml was "
        "found. It is no bone; its streaks may distort the bones near it."
    )
    yield Check("metal", False, message)


def _ml(mask: Bools, anatomy: Anatomy) -> float:
    return float(np.count_nonzero(mask)) * anatomy.frame.voxel_ml


_QUESTIONS: Mapping[frozenset[str], Callable[[Anatomy], Iterator[Check]]] = {
    LUNGS | BONY | {"airways", "body", "metal"}: _any_structure,
    frozenset({"body"}): _body,
    LUNGS: lambda anatomy: about_lungs(anatomy.grown_up),
    LUNGS | {"airways"}: lambda anatomy: about_airways(anatomy.grown_up),
    BONY: lambda anatomy: _bones(anatomy.with_bones),
    BONY | {"metal"}: _metal,
}
"""Whom to ask about which structures."""
