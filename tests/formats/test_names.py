"""Names of any origin break no file and come back printable."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.formats.making import labelmap, tetrahedron
from vis3d.files import read_labelmap, read_surfaces, write_labelmap, write_surfaces
from vis3d.formats import LABELMAP_WRITERS, SURFACE_WRITERS
from vis3d.formats.structures import plain_name

NAMES = [
    "a\nend_header\nb", "a\x01b\x00c", "x" * 5000, "\u202eabc", "größe <&> \"q\" '", "# o v 1",
    "", " ", "\ud800", "a\u2028v 1 2 3",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_a_name_breaks_no_surface_file(name: str, tmp_path: Path) -> None:
    parts = (replace(tetrahedron(), name=name), replace(tetrahedron(), name="b"))
    for suffix in SURFACE_WRITERS:
        write_surfaces(parts, tmp_path / f"s{suffix}")
        read = read_surfaces(tmp_path / f"s{suffix}")
        assert sum(len(one.triangles) for one in read) == 8
        if suffix in (".glb", ".3mf", ".obj") and plain_name(name):
            assert read[0].name == plain_name(name)


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_a_name_breaks_no_label_map(name: str, tmp_path: Path) -> None:
    labels = labelmap()
    first, *others = labels.structures
    for suffix in LABELMAP_WRITERS:
        named = replace(labels, structures=(replace(first, name=name), *others))
        write_labelmap(named, tmp_path / f"l{suffix}")
        read = read_labelmap(tmp_path / f"l{suffix}")
        assert (read.array == labels.array).all()
        assert read.structures[0].name == (plain_name(name) or "label 1")
        assert read.structures[0].name.isprintable()


def test_surfaces_of_one_name_keep_their_colours_in_an_obj(tmp_path: Path) -> None:
    names = ("rib", "rib", "rib 2", "rib_2", "rib")
    parts = tuple(
        tetrahedron(name, (40 * number, 255 - 30 * number, 9))
        for number, name in enumerate(names)
    )
    write_surfaces(parts, tmp_path / "ribs.obj")
    read = read_surfaces(tmp_path / "ribs.obj")
    assert len({one.name for one in read}) == len(parts)
    assert [one.color for one in read] == [one.color for one in parts]
