"""`vis3d render --fly-through`: movies from inside, and what makes no flight."""

import numpy as np
import pytest
from PIL import Image
from vis3d_cli.main import main

SIZE = ["--size", "96x72"]


def frames_of(path):
    with Image.open(path) as movie:
        for number in range(movie.n_frames):
            movie.seek(number)
            yield np.asarray(movie.convert("RGB"), int)


@pytest.mark.parametrize("way", ["airways", "right"])
def test_the_airways_are_seen_from_inside(scan, truth, tmp_path, way):
    out = tmp_path / "flight.webp"
    words = ["--segmentation", str(truth), "--fly-through", way, "--frames", "5", *SIZE]
    assert main(["render", str(scan), "-o", str(out), *words]) == 0
    pictures = list(frames_of(out))
    assert len(pictures) == 5
    walls = [(one[..., 0] > one[..., 1] + 15).mean() for one in pictures]
    assert min(walls) > 0.9  # mucosa all round, no way out
    middle, rim = pictures[0][30:42, 40:56], pictures[0][:, :8]
    assert middle[..., 0].mean() < rim[..., 0].mean()  # the light fades down the trachea


def test_a_way_of_ones_own_goes_through_any_scene(scan, truth, tmp_path):
    places = tmp_path / "way.csv"
    places.write_text("# to the chest\nL,P,S\n0,-500,0\n\n0;-420;9\n0 -350 0\n")
    out = tmp_path / "flight.gif"
    words = ["--segmentation", str(truth), "--structures", "bones"]
    words += ["--fly-through", str(places), "--frames", "3", *SIZE]
    assert main(["render", str(scan), "-o", str(out), *words]) == 0
    assert len(list(frames_of(out))) == 3


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("1,2\n3,4", 4, "line 1"),
        ("1,2,3\n4,5,x", 4, "line 2"),
        ("1,2,3", 2, "1 places"),
        ("a,b\nc,d", 4, "line 1"),
        ("L,P,S\n1,2,3\na,b\n4,5,6", 4, "line 3"),
        ("nan,nan,nan\n1,2,3\n4,5,6", 4, "line 1"),
        ("1,2,3\nl,p,s\n4,5,6", 4, "line 2"),
        ("0,100,-600\n1e9,1e9,1e9", 4, "way.csv: Place 2 of the way, 1e+09"),
        ("0,100,-600\n1e999,0,0", 4, "Place 2 of the way, inf"),
        ("15000,0,0\n-15000,0,0", 4, "way is too long: 30 m"),
    ],
)
def test_a_file_that_tells_no_way_is_refused(scan, truth, tmp_path, refusal, text, code, said):
    places = tmp_path / "way.csv"
    places.write_text(text)
    words = ["--segmentation", truth, "--fly-through", places, "--frames", "3"]
    told, line = refusal("render", scan, "-o", tmp_path / "flight.gif", *words)
    assert (told, said in line) == (code, True)
    assert not (tmp_path / "flight.gif").exists()


@pytest.mark.parametrize(
    ("out", "words", "code", "said"),
    [
        ("a.png", ["airways"], 2, ".webp"),
        ("a.gif", ["airways", "--mode", "slice"], 2, "flat"),
        ("a.gif", ["airways", "--azimuth", "5"], 2, "camera"),
        ("a.gif", ["left", "--mode", "volume"], 2, "inside"),
        ("a.gif", ["nowhere.csv"], 3, "nowhere.csv"),
    ],
)
def test_options_that_make_no_flight_are_refused(
    scan, truth, tmp_path, refusal, out, words, code, said
):
    told, line = refusal("render", scan, "-o", tmp_path / out, "--fly-through", *words)
    assert (told, said in line) == (code, True)
