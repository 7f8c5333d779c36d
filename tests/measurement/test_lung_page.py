"""The lung report as HTML: what stands on it, and what never does."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from tests.measurement.test_lungs import random_lungs
from vis3d.labels import Check, Report
from vis3d.measurement import Measurements, PagePicture, lung_page, measure_lungs
from vis3d.volume import Finding

HOSTILE = "<img src=x onerror=alert(1)>\"'&{{7*7}}\u202e\x1b[31m"


def measured(**metadata: object) -> Measurements:
    volume, labels = random_lungs()
    report = Report(
        (Check("leak", False, f"It leaks {HOSTILE}"), Check("lungs-found", True, "Two lungs.")),
        (Finding("leak", "warning", f"It leaks {HOSTILE}"),),
    )
    volume = replace(volume, metadata={"kernel": "B70f", "thickness_mm": 1.25, **metadata})
    return measure_lungs(volume, replace(labels, report=report))


class Tags(HTMLParser):
    """Every element of a page with its attributes, and its words."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data


def test_the_page_says_the_numbers_their_conditions_and_the_doubts() -> None:
    found = measured(contrast=True)
    page = Tags(lung_page(found, scan="40 x 30 x 20 voxels"))
    for region in found.regions:
        assert region.name in page.words
        assert f"{region.laa950_percent:.1f}" in page.words
    for word in (
        "B70f",
        "1.25 mm",
        "yes (header)",
        "40 x 30 x 20 voxels",
        "It leaks",
        "Two lungs",
    ):
        assert word in page.words
    seen = replace(found, conditions={"contrast_found": True})
    assert "not stated, found in the scan" in Tags(lung_page(seen)).words
    assert page.words.count("For research only. Not for diagnosis.") == 2
    assert page.words.count("It leaks") == 1  # said once, though check and finding say it
    assert sum(tag == "polyline" for tag, _ in page.elements) == 2


def test_what_the_scan_does_not_say_is_said_to_be_missing() -> None:
    found = replace(measured(), conditions={}, checks=(), findings=())
    words = Tags(lung_page(found)).words
    assert words.count("not stated") == 4
    assert "No check failed." in words


def test_every_word_from_outside_is_text_and_nothing_is_loaded() -> None:
    found = measured(kernel=HOSTILE)
    pictures = [PagePicture(b"\x89PNG\r\n\x1a\n", HOSTILE, ("R", "L", HOSTILE, ""))]
    text = lung_page(found, pictures, scan=HOSTILE, made_by=HOSTILE)
    page = Tags(text)
    assert {tag for tag, _ in page.elements if tag in ("script", "link", "iframe")} == set()
    images = [attributes for tag, attributes in page.elements if tag == "img"]
    assert len(images) == 1
    assert (images[0]["src"] or "").startswith("data:image/png;base64,")
    assert not any("onerror" in attributes for _, attributes in page.elements)
    assert not re.search(r"https?:|url\(|@import|src=\"(?!data:)", text)
    assert "\u202e" not in text
    assert "\x1b" not in text
    assert "default-src 'none'" in text


def test_the_chart_rises_where_the_densities_are() -> None:
    text = lung_page(measured())
    points = re.search(r'<polyline points="([^"]+)"', text)
    assert points is not None
    pairs = [tuple(map(float, pair.split(","))) for pair in points.group(1).split()]
    x, y = min(pairs, key=lambda pair: pair[1])  # the peak: least y
    share = (x - 30) / (446 - 30)
    assert -1050 + share * 650 == pytest.approx(-860, abs=25)
    assert 22 <= y < 60


def test_lungs_without_a_voxel_leave_dashes_and_no_chart() -> None:
    volume, labels = random_lungs()
    page = Tags(lung_page(measure_lungs(volume, replace(labels, array=labels.array * 0))))
    assert "–" in page.words
    assert not any(tag == "polyline" for tag, _ in page.elements)
