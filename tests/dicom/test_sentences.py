"""Errors about a file are sentences that begin with its name."""

import pytest

from vis3d.dicom.headers import finite
from vis3d.dicom.sentences import named_error, reason_of
from vis3d.errors import InputError, TruncatedError


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        ("not DICOM", "a.dcm is not DICOM."),
        ("a localizer (scout) image", "a.dcm is a localizer (scout) image."),
        ("truncated: 5 of 9 bytes of pixels", "a.dcm is truncated: 5 of 9 bytes of pixels."),
        ("has no Rows", "a.dcm has no Rows."),
        ("a.dcm decodes to another size.", "a.dcm decodes to another size."),
        ("is damaged inside the archive", "a.dcm is damaged inside the archive."),
        ("Nothing stands out; use --box.", "a.dcm: Nothing stands out; use --box."),
        ("80 bytes of RLE can't hold 512", "a.dcm: 80 bytes of RLE can't hold 512."),
    ],
)
def test_no_sentence_has_two_subjects(reason: str, sentence: str) -> None:
    error = named_error("a.dcm", TruncatedError(reason))
    assert str(error) == sentence
    assert isinstance(error, TruncatedError)


def test_the_reason_alone_has_no_name_and_no_full_stop() -> None:
    assert reason_of("a.dcm", InputError("a.dcm has no Rows.")) == "has no Rows"


@pytest.mark.parametrize(
    ("keyword", "reason"),
    [
        ("ImagePositionPatient", "has an ImagePositionPatient that is no number"),
        ("PixelSpacing", "has a PixelSpacing that is no number"),
    ],
)
def test_a_keyword_has_the_article_that_its_sound_takes(keyword: str, reason: str) -> None:
    with pytest.raises(InputError, match=f"^{reason}$"):
        finite("nan", keyword)
