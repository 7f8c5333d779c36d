"""A data root is looked through, and nothing beside it."""

import json
from pathlib import Path

import pytest
from vis3d_viewer.browsing import check_links, confined, listing

from vis3d.errors import NothingFoundError, UsageError, Vis3dError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Folders, files that open, others; links within and links out."""
    top = tmp_path / "root"
    (top / "chest" / "deep").mkdir(parents=True)
    (top / "chest" / "IM0001").write_bytes(b"x")
    (top / "chest" / "scan.nii.gz").write_bytes(b"x")
    (top / ".hidden").mkdir()
    outside = tmp_path / "rooted"  # its name begins like the root's
    outside.mkdir()
    (outside / "secret.dcm").write_bytes(b"x")
    (top / "out").symlink_to(outside)
    (top / "chest" / "out.dcm").symlink_to(outside / "secret.dcm")
    (top / "chest" / "within").symlink_to(top / "chest" / "deep")
    (top / "chest" / "loop").symlink_to(top / "chest" / "loop")
    return top


@pytest.mark.parametrize(
    "path",
    [
        "..",
        "../rooted",
        "/etc",
        "out",
        "out/secret.dcm",
        "chest/out.dcm",
        "chest/../../rooted",
        "chest/loop",
        "nothing",
        "a\0b",
        "x" * 5000,
    ],
)
def test_nothing_leads_out_of_the_root(root: Path, path: str) -> None:
    with pytest.raises(Vis3dError) as caught:
        confined(root, path)
    assert str(root.parent) not in str(caught.value)


def test_links_within_the_root_are_followed(root: Path) -> None:
    assert confined(root, "chest/within") == (root / "chest" / "deep").resolve()
    assert confined(root, "") == root.resolve()


def test_a_root_that_is_a_link_itself_is_a_root(root: Path, tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(root)
    assert confined(tmp_path / "alias", "chest").name == "chest"


def test_a_listing_offers_folders_first_and_what_opens(root: Path) -> None:
    top = listing(root, "")
    assert [entry["name"] for entry in top["entries"]] == ["chest"]
    chest = listing(root, "chest")
    assert [(entry["name"], entry["kind"]) for entry in chest["entries"]] == [
        ("deep", "folder"),
        ("within", "folder"),
        ("scan.nii.gz", "file"),
    ]
    assert chest["loose"] == 1
    assert chest["entries"][0]["path"] == "chest/deep"
    assert chest["ways"] == [{"name": "root", "path": ""}, {"name": "chest", "path": "chest"}]


def test_a_file_is_no_folder(root: Path) -> None:
    with pytest.raises(NothingFoundError):
        listing(root, "chest/scan.nii.gz")


def test_a_folder_with_a_link_out_is_not_loaded(root: Path) -> None:
    with pytest.raises(UsageError, match=r"out\.dcm"):
        check_links(root, root / "chest")
    check_links(root, root / "chest" / "deep")


def test_names_that_are_no_text_are_listed_and_found_again(root: Path) -> None:
    """A listing with one of them once couldn't be sent: the page showed no folder at all."""
    odd = root / "100%20 #\udcff" / "within"
    odd.mkdir(parents=True)
    [entry] = [one for one in listing(root, "")["entries"] if one["name"].startswith("100")]
    assert entry["name"] == "100%20 #\ufffd"
    below = listing(root, entry["path"])
    json.dumps(below).encode()
    assert confined(root, entry["path"]) == odd.parent.resolve()
    assert confined(root, below["entries"][0]["path"]) == odd.resolve()
    assert confined(root, below["ways"][1]["path"]) == odd.parent.resolve()


@pytest.mark.parametrize(
    "path", ["%2e%2e/rooted", "..%2frooted", "%2fetc", "a%00b", "%ff", "\udcff"]
)
def test_written_signs_lead_out_no_more_than_plain_ones(root: Path, path: str) -> None:
    with pytest.raises(Vis3dError):
        confined(root, path)
