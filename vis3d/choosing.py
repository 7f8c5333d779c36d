"""Which of the series found is meant, and why there are none."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from vis3d.errors import (
    InputError,
    NothingFoundError,
    SeveralSeriesError,
    UsageError,
)
from vis3d.formats import VOXEL_READERS

if TYPE_CHECKING:  # a NIfTI file is read without loading pydicom
    from vis3d.dicom import Discovery, Series


def select_series(discovery: "Discovery", series: int | str | None = None) -> "Series":
    """The series meant by an index (from 1), by a UID, or by being the only one.

    One that isn't loadable is given all the same: an option of `load_volume` may repair it,
    and if not, that says why.

    Raises:
        NothingFoundError: there are no series.
        InputError: there are none, for all files are damaged.
        SeveralSeriesError: several can be loaded and none was picked.
        UsageError: no series has that index or UID, or several have the UID.
        InputError: several were found and none can be loaded, or a single picture alone
            beside a stack that can't.
    """
    found = discovery.series
    if not found:
        raise nothing_found(discovery)
    if series is not None:
        return _picked(found, series)
    loadable = tuple(one for one in found if one.loadable)
    if len(loadable) > 1:
        listed = "; ".join(f"{one.index}: {_in_words(one)}" for one in loadable)
        raise SeveralSeriesError(
            f"{len(loadable)} series were found; pick one by its number or UID. "
            f"{why_apart(loadable)}{listed}",
            loadable,
        )
    if not loadable and len(found) > 1:
        reasons = "; ".join(f"{one.index}: {_why_not(one)}" for one in found)
        raise InputError(f"None of the {len(found)} series can be loaded. {reasons}")
    chosen = loadable[0] if loadable else found[0]
    larger = [one for one in found if not one.loadable and _hides(chosen, one)]
    if larger:
        raise InputError(
            f"{_in_words(larger[0])} can't be loaded: {_why_not(larger[0])} Beside it lies "
            f"series {chosen.index} of {chosen.shape[0]}; pick by number what is meant."
        )
    return chosen


def why_apart(several: "Iterable[Series]") -> str:
    """Why slices that look like one series are pictures of their own, where they are."""
    said = {
        finding.message + " "
        for one in several
        for finding in one.findings
        if (finding.code, finding.severity) == ("no-position", "warning") and one.uid
    }
    return "".join(sorted(said))


def _hides(chosen: "Series", refused: "Series") -> bool:
    """Whether what can be loaded would be taken for a larger stack that can't."""
    if not chosen.loadable or refused.shape[0] <= chosen.shape[0]:
        return False
    return chosen.shape[0] == 1 or chosen.uid == refused.uid


def nothing_found(discovery: "Discovery") -> NothingFoundError | InputError:
    """Why there are no series: nothing that could be one, or nothing but damaged files."""
    skipped = discovery.skipped
    if not skipped:
        return NothingFoundError("No scan was found: there are no files.")
    damaged = [one for one in skipped if one.damaged]
    if damaged:
        first = damaged[0]
        return InputError(
            f"No scan can be read: {len(damaged)} of {len(skipped)} files are damaged; "
            f"{first.path}: {first.reason}."
        )
    files = f"{len(skipped)} file{'s' * (len(skipped) > 1)}"
    text = f"No scan was found in {files}; {skipped[0].path}: {skipped[0].reason}"
    other = next((one.path for one in skipped if _names_a_volume(one.path)), None)
    return NothingFoundError(
        f"{text}." if other is None else f"{text}. Name {other} itself to read it."
    )


def _picked(found: "tuple[Series, ...]", series: int | str) -> "Series":
    by_index = {str(one.index): one for one in found}
    if str(series) in by_index:
        return by_index[str(series)]
    of_uid = [one for one in found if one.uid and one.uid == series]
    if len(of_uid) == 1:
        return of_uid[0]
    if of_uid:
        numbers = ", ".join(str(one.index) for one in of_uid)
        raise UsageError(f"Series {numbers} share that UID; pick one by its number.")
    listed = "; ".join(f"{one.index}: {_in_words(one)}" for one in found)
    raise UsageError(f"There is no series {series!r}; choose from {listed}.")


def _why_not(series: "Series") -> str:
    reasons = [finding.message for finding in series.findings if finding.severity == "error"]
    return " ".join(reasons) or "no image that makes a volume"


def _in_words(series: "Series") -> str:
    nk, nj, ni = series.shape
    words = " ".join(word for word in (series.modality, series.description) if word)
    return f"{words}, {ni} x {nj} x {nk}"


def _names_a_volume(path: str) -> bool:
    return path.lower().endswith(tuple(VOXEL_READERS))
