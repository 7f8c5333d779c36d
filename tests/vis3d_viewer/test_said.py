"""What a page is told holds no folder of this machine, and nothing that can't be shown."""

import pytest
from vis3d_viewer.said import plain, said

from vis3d.dicom.stacking import FILL_ADVICE
from vis3d.errors import InputError


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("/tmp/vis3d-a1/upload-b_2/named/0/x.nii.gz ends early.", "x.nii.gz ends early."),
        ("No scan in /tmp/v/upload-b2/dicom: IM1 is cut.", "No scan in : IM1 is cut."),
        ("There is no /home/jane/scans/x.dcm.", "There is no x.dcm."),
        ("'C:\\scans\\jane\\x.dcm' is cut.", "'x.dcm' is cut."),
        (
            "scans/chest: 3 slices miss, 2 mm/s, 1 / 2.",
            "scans/chest: 3 slices miss, 2 mm/s, 1 / 2.",
        ),
        ("Open https://a.example/b/c instead.", "Open https://a.example/b/c instead."),
    ],
)
def test_folders_are_not_told(error: str, told: str) -> None:
    assert said(InputError(error)) == told


def test_flags_of_the_command_are_not_told_where_a_page_has_a_button() -> None:
    told = said(InputError(f"9 slices, but a gap: 2 seem to be missing. {FILL_ADVICE}"))
    assert told == "9 slices, but a gap: 2 seem to be missing."


def test_names_that_are_no_text_or_turn_it_round_can_be_shown() -> None:
    assert (
        plain("\udcffodd \u202emcd.evil\nname\0 日本語")
        == "\ufffdodd \ufffdmcd.evil name\ufffd 日本語"
    )
    plain("\ud800").encode()
