"""Bones of a chest as a surface, beside other tools, each in its own process.

First from a mask in memory: the surface alone. Then from DICOM to an STL file, whole
processes, as a person runs them. `edges` counts the edges that haven't exactly two triangles
once a reader of STL has welded equal coordinates.

`dicom2stl` (pip install dicom2stl, in an environment of its own) takes part where it is on the
PATH, as it comes and at full resolution, and so does InVesalius as `invesalius3` (Debian).
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np

from vis3d.files import load_volume, read_surface
from vis3d.geometry import FloatArray
from vis3d.meshing import deviation, extract_surface
from vis3d.meshing.manifold import use_counts, welded
from vis3d.surface import Surface
from vis3d.volume import Mask, Volume

DATA = Path(os.environ.get("VIS3D_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
LEVEL_HU = 200
ROUNDS = 3


def full(mask: Mask, volume: Volume) -> Surface:
    return extract_surface(mask, volume)


def label_alone(mask: Mask, volume: Volume) -> Surface:
    return extract_surface(mask)


def to_400k(mask: Mask, volume: Volume) -> Surface:
    return extract_surface(mask, volume, max_triangles=400_000)


def to_200k(mask: Mask, volume: Volume) -> Surface:
    return extract_surface(mask, volume, max_triangles=200_000)


def smoothed(mask: Mask, volume: Volume) -> Surface:
    return extract_surface(mask, volume, smooth_mm=1.0)


def scikit_image(mask: Mask, volume: Volume) -> Surface:
    from skimage.measure import marching_cubes

    kji, triangles, _, _ = marching_cubes(mask.array.astype(np.float32), 0.5)
    return Surface(_in_patient(mask, kji[:, ::-1]), triangles)


def pyvista(mask: Mask, volume: Volume) -> Surface:
    import pyvista as pv

    grid = pv.ImageData(dimensions=mask.array.shape[::-1])
    grid["inside"] = mask.array.reshape(-1).astype(np.uint8)
    mesh = grid.contour([0.5], scalars="inside", method="flying_edges")
    smaller = mesh.decimate(1 - 400_000 / mesh.n_cells)
    triangles = smaller.faces.reshape(-1, 4)[:, 1:]
    return Surface(_in_patient(mask, smaller.points), triangles)


TOOLS: dict[str, Callable[[Mask, Volume], Surface]] = {
    "vis3d, full": full,
    "vis3d, label alone": label_alone,
    "vis3d, 400 k": to_400k,
    "vis3d, 200 k": to_200k,
    "vis3d, smooth 1 mm": smoothed,
    "scikit-image": scikit_image,
    "PyVista, 400 k": pyvista,
}


SHELL = {
    "vis3d bones, 400 k": "vis3d mesh SCAN --structure bones --max-triangles 400000 -o OUT",
    "vis3d bones, 200 k": "vis3d mesh SCAN --structure bones --max-triangles 200000 -o OUT",
    "vis3d lungs": "vis3d mesh SCAN --structure lungs -o OUT",
    "vis3d level 200": "vis3d mesh SCAN --level 200 -o OUT",
    "dicom2stl bone": "dicom2stl -t bone -o OUT SCAN",
    "dicom2stl, full": "dicom2stl -t bone -o OUT SCAN --disable shrink",
    "InVesalius 200": "invesalius3 --no-gui -i SCAN -t 200,3071 -e OUT",
}


STARTER = """
import os, subprocess, sys, time
started = time.perf_counter()
null = subprocess.DEVNULL
child = subprocess.Popen(sys.argv[1:], stdout=null, stderr=null)
_, status, used = os.wait4(child.pid, 0)
print(time.perf_counter() - started, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
sys.exit(status != 0)
"""
"""A small process, for Linux counts the memory of whoever starts a command as the command's."""


def main() -> None:
    from_a_mask()
    print()
    from_dicom()


def from_dicom() -> None:
    print(f"from DICOM to STL, whole process, median of {ROUNDS}")
    print("tool                 seconds  cpu s  memory MB  triangles    edges  volume ml")
    for tool, line in SHELL.items():
        if not shutil.which(line.split()[0]):
            print(f"{tool:20} is not installed")
            continue
        with tempfile.TemporaryDirectory() as folder:
            scan = _unpacked(Path(folder))
            words = line.replace("SCAN", str(scan)).replace("OUT", f"{folder}/o.stl").split()
            rounds = [_timed(words) for _ in range(ROUNDS)]
            surface = read_surface(Path(folder) / "o.stl")
        seconds, cpu, memory_mb = (median(column) for column in zip(*rounds, strict=True))
        print(
            f"{tool:20} {seconds:7.1f} {cpu:6.1f} {memory_mb:10.0f}"
            f" {len(surface.triangles):10,} {_bad_edges(surface):8,} {surface.volume_ml:10.1f}",
            flush=True,
        )


def _unpacked(folder: Path) -> Path:
    """The scan as files, for tools that read no archives."""
    shutil.unpack_archive(DATA / "lidc_idri_0314.zip", folder / "scan")
    return next(path for path in folder.rglob("*.dcm")).parent


def _timed(words: list[str]) -> tuple[float, float, float]:
    """Seconds, processor seconds and the largest memory in MB of a command."""
    done = subprocess.run(
        [sys.executable, "-c", STARTER, *words], check=True, capture_output=True, text=True
    )
    seconds, cpu, memory_mb = map(float, done.stdout.split())
    return seconds, cpu, memory_mb


def _bad_edges(surface: Surface) -> int:
    uses = use_counts(welded(surface.points, surface.triangles)[1])
    return int(np.count_nonzero(uses != 2))


def from_a_mask() -> None:
    print(f"bones above {LEVEL_HU} HU of 275 x 512 x 512, median of {ROUNDS}")
    print("tool                 seconds  memory MB  triangles    edges  volume  mean / p95 mm")
    for tool in TOOLS:
        rounds = [_in_a_process(tool) for _ in range(ROUNDS)]
        one = rounds[-1]
        seconds = median(found["seconds"] for found in rounds)
        print(
            f"{tool:20} {seconds:7.1f} {one['memory_mb']:10.0f} {one['triangles']:10,}"
            f" {one['edges']:8,} {one['volume_percent']:+6.2f}%"
            f"  {one['mean_mm']:.3f} / {one['p95_mm']:.3f}"
        )


def _in_a_process(tool: str) -> dict[str, float]:
    words = [sys.executable, "-m", "benchmarks.bench_meshing", tool]
    done = subprocess.run(words, check=True, capture_output=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def measure(tool: str) -> dict[str, float]:
    volume = load_volume(DATA / "lidc_idri_0314.zip")
    mask = volume.mask(_bones(volume), "bones")
    started = time.perf_counter()
    surface = TOOLS[tool](mask, volume)
    seconds = time.perf_counter() - started
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    off = deviation(surface, extract_surface(mask, volume))
    return {
        "seconds": seconds,
        "memory_mb": memory_mb,
        "triangles": len(surface.triangles),
        "edges": _bad_edges(surface),
        "volume_percent": 100 * (surface.volume_ml / mask.volume_ml - 1),
        "mean_mm": off.mean,
        "p95_mm": off.p95,
    }


def _bones(volume: Volume) -> np.ndarray:
    """What is hard and large: no segmentation, but the same work for everybody."""
    import cc3d

    pieces = cc3d.connected_components(np.asarray(volume.array > LEVEL_HU), connectivity=18)
    large = np.bincount(pieces.reshape(-1)) > 500
    large[0] = False
    return np.asarray(large[pieces])


def _in_patient(mask: Mask, ijk: FloatArray) -> FloatArray:
    return mask.geometry.to_lps(ijk).astype(np.float32)


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1])))
