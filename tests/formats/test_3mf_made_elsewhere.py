"""3MF as slicers write it: objects of components, several models, units, hostile packages."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from tests.formats.making import tetrahedron
from vis3d.errors import InputError, TooLargeError, UnsupportedError
from vis3d.files import read_surface, read_surfaces
from vis3d.surface import Surface

CORE = 'xmlns="http://schemas.microsoft.com/3dmanufacturing/core/2015/02"'
PRODUCTION = 'xmlns:p="http://schemas.microsoft.com/3dmanufacturing/production/2015/06"'
MAIN = "3D/3dmodel.model"


def package(path: Path, model: str, **others: str) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in {MAIN: model, **others}.items():
            file.writestr(name, text)
    return path


def model(objects: str, items: str, attributes: str = 'unit="millimeter"') -> str:
    return (
        f"<model {CORE} {attributes}><resources>{objects}</resources>"
        f"<build>{items}</build></model>"
    )


def mesh(number: int, attributes: str = "", solid: Surface | None = None) -> str:
    solid = solid or tetrahedron()
    vertices = "".join(
        f'<vertex x="{x!r}" y="{y!r}" z="{z!r}"/>'
        for x, y, z in solid.points.astype(float).tolist()
    )
    triangles = "".join(
        f'<triangle v1="{a}" v2="{b}" v3="{c}"/>' for a, b, c in solid.triangles.tolist()
    )
    return (
        f'<object id="{number}" {attributes}><mesh><vertices>{vertices}</vertices>'
        f"<triangles>{triangles}</triangles></mesh></object>"
    )


def whole(number: int, *components: str, attributes: str = "") -> str:
    inner = "".join(f"<component {one}/>" for one in components)
    return f'<object id="{number}" {attributes}><components>{inner}</components></object>'


def placed(turn: np.ndarray, shift: tuple[float, float, float]) -> str:
    """A transform as 3MF writes it: rows that points are multiplied with from the left."""
    numbers = (*turn.T.reshape(-1).tolist(), *shift)
    return f'transform="{" ".join(map(repr, numbers))}"'


def test_components_lie_where_all_their_transforms_put_them(tmp_path: Path) -> None:
    one = Rotation.from_euler("xyz", (20, 35, -50), degrees=True).as_matrix()
    other = Rotation.from_euler("zyx", (70, 5, 110), degrees=True).as_matrix() * (1, 2, 0.5)
    last = Rotation.from_euler("yxz", (-15, 25, 8), degrees=True).as_matrix()
    objects = (
        mesh(1, 'name="screw"')
        + whole(2, f'objectid="1" {placed(one, (3, -7, 11))}', 'objectid="1"')
        + whole(3, f'objectid="2" {placed(other, (100, 20, -4))}', attributes='name="plate"')
    )
    items = f'<item objectid="3" {placed(last, (-5, 6, 7))}/><item objectid="1"/>'
    read = read_surfaces(package(tmp_path / "made.3mf", model(objects, items)))

    def outer(points: np.ndarray) -> np.ndarray:
        return (points @ other.T + (100, 20, -4)) @ last.T + (-5, 6, 7)

    points = tetrahedron().points
    expected = [outer(points @ one.T + (3, -7, 11)), outer(points), points]
    assert [surface.name for surface in read] == ["screw"] * 3
    for surface, where in zip(read, expected, strict=True):
        np.testing.assert_allclose(surface.points, where, atol=1e-4)
        assert surface.volume_ml > 0


def test_a_mirrored_component_keeps_its_outside_outside(tmp_path: Path) -> None:
    mirror = placed(np.diag([-1.0, 1, 1]), (10, 0, 0))
    objects = mesh(1) + whole(2, f'objectid="1" {mirror}')
    path = tmp_path / "left.3mf"
    once = read_surface(package(path, model(objects, '<item objectid="2"/>')))
    assert once.volume_ml == pytest.approx(tetrahedron().volume_ml)
    twice = read_surface(package(path, model(objects, f'<item objectid="2" {mirror}/>')))
    np.testing.assert_allclose(twice.points, tetrahedron().points, atol=1e-5)
    assert twice.volume_ml == pytest.approx(tetrahedron().volume_ml)


@pytest.mark.parametrize(
    ("unit", "mm"), [("micron", 0.001), ("centimeter", 10), ("inch", 25.4), ("meter", 1000)]
)
def test_units_count_for_transforms_too(unit: str, mm: float, tmp_path: Path) -> None:
    items = f'<item objectid="1" {placed(np.eye(3), (10, 0, 0))}/>'
    read = read_surface(package(tmp_path / "a.3mf", model(mesh(1), items, f'unit="{unit}"')))
    np.testing.assert_allclose(
        read.points, (tetrahedron().points + np.array([10, 0, 0])) * mm, rtol=1e-6
    )


def test_names_and_colours_come_from_the_object_or_the_whole(tmp_path: Path) -> None:
    objects = (
        '<basematerials id="8"><base name="a" displaycolor="#FF8000"/></basematerials>'
        '<m:colorgroup id="9"><m:color color="#0102037F"/></m:colorgroup>'
        + mesh(1, 'name="rib" pid="9" pindex="0"')
        + mesh(2)
        + whole(3, 'objectid="1"', 'objectid="2"', attributes='name="cage" pid="8"')
    )
    read = read_surfaces(package(tmp_path / "a.3mf", model(objects, '<item objectid="3"/>')))
    assert [(one.name, one.color) for one in read] == [
        ("rib", (1, 2, 3)),
        ("cage", (255, 128, 0)),
    ]


def test_models_in_several_parts_are_read(tmp_path: Path) -> None:
    """As Bambu Studio writes them, by the production extension."""
    shift = placed(np.eye(3), (0, 0, 5))
    component = f'p:path="/3D/Objects/object_1.model" objectid="1" {shift}'
    root = model(
        whole(1, component, attributes='name="skull"'),
        '<item objectid="1"/>',
        f'{PRODUCTION} requiredextensions="p"',
    )
    part = model(mesh(1), '<item objectid="1"/>')
    others = {"3D/Objects/Object_1.model": part}
    read = read_surfaces(package(tmp_path / "a.3mf", root, **others))
    assert [one.name for one in read] == ["skull"]
    np.testing.assert_allclose(
        read[0].points, tetrahedron().points + np.array([0, 0, 5]), atol=1e-5
    )
    others = {"3D/Objects/object_1.model": part.replace("millimeter", "inch")}
    with pytest.raises(InputError, match="in millimeter and inch"):
        read_surfaces(package(tmp_path / "a.3mf", root, **others))


def test_the_package_says_which_model_is_built(tmp_path: Path) -> None:
    relations = (
        '<Relationships><Relationship Target="/3D/other.model" Id="r" Type='
        '"http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"/></Relationships>'
    )
    others = {
        "_rels/.rels": relations,
        "3D/other.model": model(mesh(1), '<item objectid="1"/>'),
    }
    empty = model(mesh(1), "")
    read = read_surfaces(package(tmp_path / "a.3mf", empty, **others))
    assert len(read) == 1


def test_extensions_that_change_the_shape_are_named_and_refused(tmp_path: Path) -> None:
    space = "http://schemas.microsoft.com/3dmanufacturing/beamlattice/2017/02"
    needs = f'xmlns:b="{space}" requiredextensions="b"'
    path = package(tmp_path / "a.3mf", model(mesh(1), '<item objectid="1"/>', needs))
    with pytest.raises(UnsupportedError, match=r"a\.3mf.*beamlattice"):
        read_surfaces(path)


def nested(depth: int, times: int) -> str:
    """An object of objects of objects, each `times` in the next."""
    parts = (f'objectid="{number}"' for number in range(1, depth))
    objects = [whole(n, *[one] * times) for n, one in enumerate(parts, 2)]
    return model(mesh(1) + "".join(objects), f'<item objectid="{depth}"/>')


@pytest.mark.parametrize(
    ("objects", "said"),
    [
        (whole(1, 'objectid="1"'), "made of itself"),
        (whole(1, 'objectid="2"') + whole(2, 'objectid="1"'), "made of itself"),
        (whole(1, 'objectid="7"'), "damaged"),
        (whole(1, 'objectid="2" transform="1 2 3"') + mesh(2), "broken"),
        (whole(1, 'objectid="2" transform="%s"' % ("nan " * 12)) + mesh(2), "no numbers"),
        (whole(1, 'objectid="2" transform="%s"' % ("1e308 " * 12)) + mesh(2), "no numbers"),
        (whole(1, 'p:path="/../secret" objectid="2"') + mesh(2), "damaged"),
    ],
)
def test_hostile_components_are_refused_in_one_line(
    objects: str, said: str, tmp_path: Path
) -> None:
    path = package(tmp_path / "a.3mf", model(objects, '<item objectid="1"/>'))
    with pytest.raises(InputError, match=said) as caught:
        read_surfaces(path)
    assert "\n" not in str(caught.value)
    assert "a.3mf" in str(caught.value)


def test_objects_that_multiply_without_end_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TooLargeError, match="parts"):
        read_surfaces(package(tmp_path / "laughs.3mf", nested(60, 2)))
    with pytest.raises(TooLargeError, match="deep"):
        read_surfaces(package(tmp_path / "deep.3mf", nested(3000, 1)))
    hollow = nested(60, 2).replace("<mesh>", "<mesh/><!--").replace("</mesh>", "-->")
    with pytest.raises(TooLargeError, match="parts"):
        read_surfaces(package(tmp_path / "hollow.3mf", hollow))
    assert len(read_surfaces(package(tmp_path / "some.3mf", nested(5, 3)))) == 81


def test_all_parts_together_may_not_inflate_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vis3d.formats.threemf_reading.LARGEST_MODEL", 1 << 20)
    uses = "".join(f'<component p:path="/{n}.model" objectid="1"/>' for n in range(4))
    others = {f"{n}.model": model(mesh(1), "") + " " * (1 << 19) for n in range(4)}
    root = model(
        f'<object id="1"><components>{uses}</components></object>', '<item objectid="1"/>'
    )
    with pytest.raises(TooLargeError, match="inflates"):
        read_surfaces(package(tmp_path / "bombs.3mf", root, **others))
