"""Pictures of every format that Pillow writes are written whole and read back."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vis3d.errors import InputError, NothingFoundError, TooLargeError, UsageError
from vis3d.imaging import holds_opacity, pillow_formats, read_picture, write_any_picture

LOSSLESS = (".png", ".apng", ".tif", ".tga", ".webp", ".bmp", ".ppm", ".sgi", ".ico")


def colors(channels: int) -> np.ndarray:
    rng = np.random.default_rng(2)
    pixels = rng.integers(0, 255, (24, 32, channels)).astype(np.uint8)
    if channels == 4:
        pixels[:12, :, 3] = 255
        pixels[12:] = 0
    return pixels


@pytest.mark.parametrize("suffix", pillow_formats())
@pytest.mark.parametrize("channels", [3, 4])
def test_every_format_opens_in_pillow(suffix: str, channels: int, tmp_path: Path) -> None:
    path = tmp_path / f"x{suffix}"
    write_any_picture(colors(channels), path)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    if suffix == ".palm":  # Pillow writes it and can't read it
        return
    with Image.open(path) as image:
        assert max(image.size) >= 32


@pytest.mark.parametrize("suffix", LOSSLESS)
def test_lossless_formats_give_the_pixels_back(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"x{suffix}"
    write_any_picture(colors(3), path)
    assert np.array_equal(read_picture(path), colors(3))


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif", ".tga", ".jp2", ".ico"])
def test_opacity_survives_where_the_format_holds_it(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"x{suffix}"
    assert holds_opacity(path)
    write_any_picture(colors(4), path)
    assert np.array_equal(read_picture(path)[:, :, 3], colors(4)[:, :, 3])


def test_a_jpeg_holds_no_opacity(tmp_path: Path) -> None:
    assert not holds_opacity(tmp_path / "x.jpg")


def test_sixteen_bits_are_scaled_and_turned_pictures_stand_upright(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 60).astype(np.uint16).reshape(4, 15)
    Image.fromarray(ramp).save(tmp_path / "deep.png")
    assert np.abs(read_picture(tmp_path / "deep.png") - ramp / 257.0).max() <= 1
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned by a quarter
    Image.fromarray(colors(3)).save(tmp_path / "turned.png", exif=exif)
    assert np.array_equal(read_picture(tmp_path / "turned.png"), np.rot90(colors(3), -1))


def test_what_the_source_file_said_is_not_passed_on(tmp_path: Path) -> None:
    from PIL.PngImagePlugin import PngInfo

    said = PngInfo()
    said.add_text("Comment", "NEMO^CAPTAIN")
    Image.fromarray(colors(3)).save(tmp_path / "in.png", pnginfo=said)
    write_any_picture(read_picture(tmp_path / "in.png"), tmp_path / "out.png")
    assert b"NEMO" not in (tmp_path / "out.png").read_bytes()


def test_bad_pictures_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NothingFoundError):
        read_picture(tmp_path / "none.png")
    (tmp_path / "text.png").write_text("hello")
    with pytest.raises(InputError, match="text.png is no picture"):
        read_picture(tmp_path / "text.png")
    write_any_picture(colors(3), tmp_path / "whole.png")
    (tmp_path / "half.png").write_bytes((tmp_path / "whole.png").read_bytes()[:700])
    with pytest.raises(InputError, match="half.png is a damaged picture"):
        read_picture(tmp_path / "half.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500)
    with pytest.raises(TooLargeError, match="whole.png"):
        read_picture(tmp_path / "whole.png")
    with pytest.raises(UsageError, match="docx"):
        write_any_picture(colors(3), tmp_path / "x.docx")


def test_an_icon_of_icns_keeps_its_proportions(tmp_path: Path) -> None:
    wide = np.zeros((32, 128, 4), np.uint8)
    wide[..., 0], wide[..., 3] = 200, 255
    write_any_picture(wide, tmp_path / "a.icns")
    with Image.open(tmp_path / "a.icns") as icon:
        opacity = np.asarray(icon.convert("RGBA"))[..., 3]
    assert opacity.shape[0] == opacity.shape[1]
    assert (opacity > 128).mean() == pytest.approx(0.25, abs=0.02)
