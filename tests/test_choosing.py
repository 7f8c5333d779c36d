import pytest

from vis3d.choosing import select_series
from vis3d.dicom import Discovery, Series, Skipped
from vis3d.errors import InputError, NothingFoundError, SeveralSeriesError, UsageError
from vis3d.volume import Finding


def series(
    index: int, uid: str = "", *, loadable: bool = True, why: str = "", slices: int = 9
) -> Series:
    findings = (Finding("missing-slices", "error", why),) if why else ()
    shape = (slices, 8, 7)
    return Series(index, uid, "CT", "chest", ("a",), None, shape, "HU", (), loadable, findings)


def found(*several: Series) -> Discovery:
    return Discovery(several, ())


def test_the_only_loadable_series_is_meant() -> None:
    broken = series(1, "1.2", loadable=False)
    assert select_series(found(broken, series(2, "1.3"))).index == 2
    assert select_series(found(broken)).index == 1


def test_a_picture_beside_a_refused_stack_is_not_taken_for_it() -> None:
    broken = series(1, "1.2", loadable=False, why="A slice is missing.")
    beside = found(broken, series(2, "1.2", slices=1))
    with pytest.raises(InputError, match=r"A slice is missing\. Beside it .* series 2"):
        select_series(beside)
    assert select_series(beside, 2).index == 2
    part_of_it = found(broken, series(2, "1.2", slices=4))
    with pytest.raises(InputError, match="series 2 of 4"):
        select_series(part_of_it)
    assert select_series(found(broken, series(2, "1.3", slices=4))).index == 2


def test_several_series_are_listed() -> None:
    several = found(series(1, "1.2"), series(2, "1.3"))
    with pytest.raises(SeveralSeriesError, match="2 series were found") as caught:
        select_series(several)
    assert caught.value.choices == several.series
    assert "2: CT chest, 7 x 8 x 9" in str(caught.value)


def test_a_series_is_picked_by_index_or_uid() -> None:
    several = found(series(1, "1.2"), series(2, "1.3"), series(3, "1.3"))
    assert select_series(several, 2).index == 2
    assert select_series(several, "2").index == 2
    assert select_series(several, "1.2").index == 1
    with pytest.raises(UsageError, match="Series 2, 3 share that UID"):
        select_series(several, "1.3")
    for wrong in (0, 4, "9.9", ""):
        with pytest.raises(UsageError, match="There is no series"):
            select_series(several, wrong)


def test_when_no_series_can_be_loaded_each_says_why() -> None:
    broken = found(
        series(1, "1.2", loadable=False, why="2 slices are missing."),
        series(2, "1.3", loadable=False, why="Sizes differ."),
    )
    with pytest.raises(InputError, match=r"1: 2 slices are missing\.; 2: Sizes differ"):
        select_series(broken)
    assert select_series(broken, 2).index == 2


def test_nothing_found_tells_what_was_there() -> None:
    with pytest.raises(NothingFoundError, match=r"2 files; a\.txt: not DICOM"):
        select_series(
            Discovery((), (Skipped("a.txt", "not DICOM"), Skipped("b.txt", "not DICOM")))
        )
