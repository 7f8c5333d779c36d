"""3MF (.3mf) for printing: millimetres, structures as named and coloured objects."""

from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import numpy as np
from numpy.typing import NDArray

from vis3d.formats.frames import Coordinates, in_frame, remarks
from vis3d.surface import Surface
from vis3d.whole_file import whole_file

CORE = "http://schemas.microsoft.com/3dmanufacturing/core/2015/02"
MODEL = "3D/3dmodel.model"
PACKAGE = "application/vnd"
CONTENT_TYPES = f"""<?xml version="1.0" encoding="UTF-8"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">\
<Default Extension="rels" ContentType="{PACKAGE}.openxmlformats-package.relationships+xml"/>\
<Default Extension="model" ContentType="{PACKAGE}.ms-package.3dmanufacturing-3dmodel+xml"/>\
</Types>"""
RELATIONSHIPS = f"""<?xml version="1.0" encoding="UTF-8"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">\
<Relationship Target="/{MODEL}" Id="rel0" \
Type="http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"/></Relationships>"""


def write_3mf(
    surfaces: tuple[Surface, ...], path: Path, *, coordinates: Coordinates = "lps"
) -> None:
    """3MF in mm, an object a surface, where it lies in the patient."""
    with (
        whole_file(path) as unfinished,
        ZipFile(unfinished, "w", ZIP_DEFLATED, compresslevel=1) as package,
    ):
        # A ZipInfo has no date of its own: the same surfaces give the same file at any time.
        package.writestr(ZipInfo("[Content_Types].xml"), CONTENT_TYPES)
        package.writestr(ZipInfo("_rels/.rels"), RELATIONSHIPS)
        with package.open(MODEL, "w", force_zip64=True) as stream:
            for text in _model(surfaces, coordinates):
                stream.write(text.encode("utf-8"))


def _model(surfaces: tuple[Surface, ...], coordinates: Coordinates) -> Iterator[str]:
    bases = "".join(
        f"<base name={quoteattr(surface.name or 'surface')} "
        f'displaycolor="#{bytes(surface.color).hex().upper()}"/>'
        for surface in surfaces
    )
    said = "\n".join(remarks(surfaces[0], coordinates))
    yield (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<model unit="millimeter" xmlns="{CORE}">\n'
        f'<metadata name="Application">vis3d</metadata>\n'
        f'<metadata name="Description">{escape(said)}</metadata>\n'
        f'<resources>\n<basematerials id="1">{bases}</basematerials>\n'
    )
    for number, surface in enumerate(surfaces):
        name = quoteattr(surface.name or "surface")
        yield f'<object id="{number + 2}" type="model" name={name} pid="1" pindex="{number}">'
        yield "<mesh><vertices>\n"
        yield from _rows(
            '<vertex x="%.9g" y="%.9g" z="%.9g"/>\n', in_frame(surface.points, coordinates)
        )
        yield "</vertices><triangles>\n"
        yield from _rows('<triangle v1="%d" v2="%d" v3="%d"/>\n', surface.triangles)
        yield "</triangles></mesh></object>\n"
    items = "".join(f'<item objectid="{number + 2}"/>' for number in range(len(surfaces)))
    yield f"</resources>\n<build>{items}</build>\n</model>\n"


def _rows(form: str, table: NDArray[np.generic]) -> Iterator[str]:
    step = 20_000
    for start in range(0, len(table), step):
        part = table[start : start + step]
        yield (form * len(part)) % tuple(part.reshape(-1).tolist())
