"""Run the scripts of this folder and put their pictures on one page.

python gallery.py docs                 the built-in phantom
python gallery.py docs scans/chest     a scan of your own
"""

import argparse
import subprocess
import sys
from pathlib import Path

from PIL import Image

FILMS = ("fly_through", "turntable")
SIZE = (1000, 750)
HERE = Path(__file__).parent


def scripts() -> list[Path]:
    """The scripts that draw something."""
    return sorted(path for path in HERE.glob("*.py") if path != Path(__file__))


def title_of(script: Path) -> str:
    """The first line of its docstring, without the full stop."""
    return script.read_text().splitlines()[0].strip('".')


def draw(script: Path, folder: Path, scan: list[str]) -> Path:
    """The script's picture, small enough for a page."""
    path = folder / f"{script.stem}{'.webp' if script.stem in FILMS else '.png'}"
    subprocess.run([sys.executable, script, *scan, "--off-screen", path], check=True)
    if path.suffix == ".webp":
        return path
    with Image.open(path) as image:
        image.thumbnail(SIZE)
        image.save(path.with_suffix(".webp"), quality=88, method=6)
    path.unlink()
    return path.with_suffix(".webp")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="where gallery.md and its pictures go")
    parser.add_argument("scan", nargs="*", help="by default the built-in phantom")
    parser.add_argument("--credit", default="The built-in phantom.", help="whose scan it is")
    options = parser.parse_args()
    pictures = options.folder / "pictures" / "gallery"
    pictures.mkdir(parents=True, exist_ok=True)
    lines = ["# Gallery", "", "Each picture is one short script's.", options.credit]
    for script in scripts():
        picture = draw(script, pictures, options.scan).relative_to(options.folder)
        title = title_of(script)
        lines += ["", f"## {title}", "", f"`apps/desktop/{script.name}`", ""]
        lines += [f"![{title}]({picture})"]
    (options.folder / "gallery.md").write_text("\n".join(lines) + "\n")
