"""The lung report: one HTML page that stands alone and prints on a sheet of A4.

It holds what was measured and the conditions it was measured under, nothing that says whose
lungs they are. Pictures come from above, since this room draws none.
"""

import unicodedata
from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files

from vis3d.measurement.lung_chart import density_chart
from vis3d.measurement.measure import Measurements
from vis3d.measurement.region import Region

COLUMNS = (
    ("Volume", "ml", "volume_ml", 0),
    ("Mean", "HU", "mean_hu", 0),
    ("SD", "HU", "sd_hu", 0),
    ("Mass", "g", "mass_g", 0),
    ("LAA-950", "%", "laa950_percent", 1),
    ("LAA-910", "%", "laa910_percent", 1),
    ("Perc15", "HU", "perc15_hu", 0),
    ("Perc10", "HU", "perc10_hu", 0),
)
"""What the table says: head, unit, the region's number, decimals."""

DEFINITIONS = (
    "LAA-950 and LAA-910: share of voxels below −950 and −910 HU (Gevenois 1996, Müller 1988). "
    "Perc15 and Perc10: the density that 15 % and 10 % of the voxels don't exceed (Dirksen "
    "1999). Mass: 1 g/ml at 0 HU, none at −1000 HU (Coxson 1999). Thirds divide each lung's "
    "height into equal parts. D: slope of the cumulative sizes of emphysema clusters (Mishima "
    "1999), here in 3D. Airways and what lies outside the scan are left out. All depend on "
    "inspiration, slice thickness, kernel, dose and contrast."
)
CONTRAST = {None: "not stated", True: "yes (header)", False: "none (header)"}
LETTERS_AT = ("left", "right", "top", "bottom")
RESEARCH = "For research only. Not for diagnosis."


@dataclass(frozen=True)
class PagePicture:
    """A picture for the page: an encoded PNG, JPEG or WebP file, and what it shows.

    `letters` are the patient's sides at its left, right, top and bottom.
    """

    data: bytes
    caption: str
    letters: tuple[str, str, str, str] = ("", "", "", "")


def lung_page(
    found: Measurements,
    pictures: Sequence[PagePicture] = (),
    *,
    scan: str = "",
    made_by: str = "vis3d",
) -> str:
    """The report as HTML text: everything in it, every word escaped.

    `scan` says what kind of scan it was (its grid), never whose.
    """
    style = files("vis3d.measurement").joinpath("lung_page.css").read_text("utf-8")
    return "\n".join(
        (
            "<!DOCTYPE html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
            "img-src data:; style-src 'unsafe-inline'\">",
            '<meta name="viewport" content="width=device-width">',
            f"<title>Lung report</title><style>{style}</style></head><body><main>",
            f"<header><h1>Lung report</h1><p>{RESEARCH}</p></header>",
            _conditions(found, scan),
            _table(found.regions),
            f'<section class="middle">{density_chart(found)}{_clusters(found)}</section>',
            _pictures(pictures),
            _warnings(found),
            f"<footer><p>{escape(DEFINITIONS)}</p>"
            f"<p><b>{RESEARCH}</b> Made by {_text(made_by)}.</p></footer>",
            "</main></body></html>",
            "",
        )
    )


def _conditions(found: Measurements, scan: str) -> str:
    """Kernel, thickness and contrast, each said even where the scan doesn't say it."""
    thickness, contrast = found.conditions.get("thickness_mm"), found.conditions.get("contrast")
    seen = ", found in the scan" if found.conditions.get("contrast_found") else ""
    facts = (
        ("Scan", scan or "not stated"),
        ("Kernel", found.conditions.get("kernel") or "not stated"),
        ("Slice thickness", "not stated" if thickness is None else f"{thickness:g} mm"),
        ("Contrast", CONTRAST[contrast if contrast is None else bool(contrast)] + seen),
    )
    items = (f"<div><dt>{name}</dt><dd>{_text(value)}</dd></div>" for name, value in facts)
    return f"<dl>{''.join(items)}</dl>"


def _table(regions: Iterable[Region]) -> str:
    heads = "".join(f"<th>{name}<br><small>{unit}</small></th>" for name, unit, *_ in COLUMNS)
    rows = "".join(_row(region) for region in regions if "lung" in region.name)
    return f"<table><thead><tr><th></th>{heads}</tr></thead><tbody>{rows}</tbody></table>"


def _row(region: Region) -> str:
    kind = "part" if "third" in region.name else "whole"
    cells = "".join(
        f"<td>{_number(getattr(region, name), decimals)}</td>" for *_, name, decimals in COLUMNS
    )
    return f'<tr class="{kind}"><th>{_text(region.name)}</th>{cells}</tr>'


def _number(value: float | None, decimals: int) -> str:
    return "–" if value is None else f"{value:,.{decimals}f}".replace("-", "−")


def _clusters(found: Measurements) -> str:
    """The emphysema's clusters, a row a lung."""
    rows = []
    for one in found.clusters:
        largest = ", ".join(f"{c.volume_ml:,.1f}" for c in one.largest[:2]) or "–"
        exponent = "–" if one.exponent is None else f"{one.exponent:.2f}"
        rows.append(
            f"<tr><th>{_text(one.name)}</th><td>{one.count:,}</td><td>{largest}</td>"
            f"<td>{exponent}</td></tr>"
        )
    if not rows:
        return ""
    heads = "<th></th><th>Clusters</th><th>Largest<br><small>ml</small></th><th>D</th>"
    return (
        "<div><h2>Emphysema clusters below −950 HU</h2>"
        f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _pictures(pictures: Sequence[PagePicture]) -> str:
    figures = "".join(_figure(picture) for picture in pictures)
    return f'<section class="pictures">{figures}</section>' if figures else ""


def _figure(picture: PagePicture) -> str:
    source = (
        f"data:{_media_type(picture.data)};base64,{b64encode(picture.data).decode('ascii')}"
    )
    sides = "".join(
        f'<span class="{side}">{_text(letter)}</span>'
        for side, letter in zip(
            ("left", "right", "top", "bottom"), picture.letters, strict=True
        )
        if letter
    )
    caption = _text(picture.caption)
    return (
        f'<figure><div><img alt="{caption}" src="{source}">{sides}</div>'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def _media_type(data: bytes) -> str:
    if data[:2] == b"\xff\xd8":
        return "image/jpeg"
    return "image/webp" if data[:4] == b"RIFF" else "image/png"


def _warnings(found: Measurements) -> str:
    """Failed checks and warnings; then, in short, what was found in order."""
    passed = [check.message for check in found.checks if check.ok]
    notes = [f.message for f in found.findings if f.severity == "note"]
    lines = "".join(f"<li>{_text(message)}</li>" for message in found.doubts)
    doubt = f'<ul class="doubts">{lines}</ul>' if lines else "<p>No check failed.</p>"
    rest = " ".join(_text(message) for message in dict.fromkeys((*notes, *passed)))
    return f'<section class="checks"><h2>Findings and checks</h2>{doubt}<p>{rest}</p></section>'


def _text(value: object) -> str:
    """Text of unknown origin without control characters, as HTML."""
    plain = (" " if unicodedata.category(c)[0] in "CZ" else c for c in str(value))
    return escape(" ".join("".join(plain).split()))
