"""Surfaces beside other tools: known solids, the placement, one mask, and DICOM to STL.

`edges` counts the edges that haven't exactly two triangles once a reader of STL has welded
equal coordinates. Whole processes run as installed programs do, their bytecode kept between
rounds; `frame mm` is how far the middle of their surface's box lies from that of vis3d's at
200 HU.

`dicom2stl` (pip install dicom2stl, in an environment of its own) takes part where it is on the
PATH, as it comes and at full resolution, and so does InVesalius as `invesalius3` (Debian). A
command that takes more than 20 s runs once. VIS3D_BENCH_TOOLS, words separated by commas, lets
only those commands run whose names have one of them ("bones,dicom2stl").
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
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
from scipy.spatial.transform import Rotation

from benchmarks.scans import CHEST
from tests.meshing import shapes
from vis3d.files import load_volume, read_surface
from vis3d.geometry import FloatArray, Geometry
from vis3d.meshing import deviation, extract_surface
from vis3d.meshing.manifold import use_counts, welded
from vis3d.surface import Surface
from vis3d.volume import Mask, Volume

LEVEL_HU = 200
HALF_HU = 540
"""Half-way between the known solids and what is round them."""

ROUNDS = 3
LONG_S = 20
"""A command that takes longer than that is timed once."""

MOST_S = 300
"""A command that takes longer than that is stopped."""

TURNS = 20
BENCH_ENVIRONMENT = {
    **{key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"},
    "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", ""))),
}


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


def scikit_image_level(mask: Mask, volume: Volume) -> Surface:
    from skimage.measure import marching_cubes

    kji, triangles, _, _ = marching_cubes(volume.array.astype(np.float32), HALF_HU)
    return Surface(_in_patient(mask, kji[:, ::-1]), triangles)


def pyvista_level(mask: Mask, volume: Volume) -> Surface:
    import pyvista as pv

    grid = pv.ImageData(dimensions=volume.array.shape[::-1])
    grid["hu"] = volume.array.reshape(-1)
    mesh = grid.contour([HALF_HU], scalars="hu", method="flying_edges")
    return Surface(_in_patient(mask, mesh.points), mesh.faces.reshape(-1, 4)[:, 1:])


SOLID_TOOLS: dict[str, Callable[[Mask, Volume], Surface]] = {
    "vis3d": full,
    "label alone": label_alone,
    "scikit-image": scikit_image_level,
    "PyVista": pyvista_level,
}
"""The last two are told the true level, which vis3d has to find."""


SHELL = {
    "vis3d level 200": "vis3d mesh SCAN --level 200 -o OUT",
    "vis3d bones, 400 k": "vis3d mesh SCAN --structure bones --max-triangles 400000 -o OUT",
    "vis3d bones, 200 k": "vis3d mesh SCAN --structure bones --max-triangles 200000 -o OUT",
    "vis3d lungs": "vis3d mesh SCAN --structure lungs -o OUT",
    "dicom2stl bone": "dicom2stl -t bone -o OUT SCAN",
    "dicom2stl, full": "dicom2stl -t bone -o OUT SCAN --disable shrink",
    "InVesalius 200": "invesalius3 --no-gui -i SCAN -t 200,3071 -e OUT",
}


STARTER = """
import os, signal, subprocess, sys, time
started = time.perf_counter()
null = subprocess.DEVNULL
child = subprocess.Popen(sys.argv[2:], stdout=null, stderr=null)
signal.signal(signal.SIGALRM, lambda *_: child.kill())
signal.alarm(int(sys.argv[1]))
_, status, used = os.wait4(child.pid, 0)
print(time.perf_counter() - started, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
sys.exit(124 if status == signal.SIGKILL else status != 0)
"""
"""A small process, for Linux counts the memory of whoever starts a command as the command's."""


def main() -> None:
    known_solids()
    print()
    placement()
    print()
    from_a_mask()
    print()
    from_dicom()


def known_solids() -> None:
    """Solids whose surface is known, blurred and noisy, on an oblique anisotropic grid."""
    grid = shapes.grid_round()
    mm = " x ".join(f"{side:g}" for side in grid.spacing)
    print(f"known solids, {mm} mm, oblique, blurred by {shapes.BLUR_MM} mm, noise")
    print("solid, tool              mean mm   p95 mm   volume   edges")
    for solid in (shapes.sphere, shapes.torus, shapes.plate):
        scan = shapes.scan_of(solid, grid)
        mask = Mask(shapes.truth_of(solid, grid), grid, "solid")
        for tool, extract in SOLID_TOOLS.items():
            surface = extract(mask, scan)
            off_mm = abs(solid(shapes.samples_of(surface) - grid.center_lps))
            volume = 100 * (abs(surface.volume_ml) / shapes.VOLUME_ML[solid] - 1)
            print(
                f"{f'{solid.__name__}, {tool}':24} {off_mm.mean():7.3f} "
                f"{np.percentile(off_mm, 95):8.3f} {volume:+7.2f}% {_bad_edges(surface):7,}"
            )


def placement() -> None:
    """The same voxels on grids turned any way: each vertex must turn along."""
    grid = shapes.grid_round()
    scan = shapes.scan_of(shapes.torus, grid)
    inside = shapes.truth_of(shapes.torus, grid)
    still = extract_surface(Mask(inside, grid, "solid"), scan)
    worst = middle = 0.0
    for turn in Rotation.random(TURNS, random_state=3):
        turned = Geometry(
            grid.shape, grid.spacing, grid.origin, turn.as_matrix() @ grid.direction
        )
        found = extract_surface(Mask(inside, turned, "solid"), Volume(scan.array, turned))
        expected = turned.to_lps(grid.to_ijk(still.points))
        off_mm = np.linalg.norm(found.points - expected, axis=1)
        worst = max(worst, float(off_mm.max()))
        center = found.points.mean(axis=0, dtype=float) - turned.center_lps
        middle = max(middle, float(np.linalg.norm(center)))
    print(f"placement under {TURNS} rotations of the grid: every vertex within {worst:.5f} mm,")
    print(f"the middle of a torus within {middle:.4f} mm of where it is")


@dataclass(frozen=True)
class _Run:
    """What a whole process took and left."""

    seconds: float
    cpu_s: float
    memory_mb: float
    surface: Surface


def from_dicom() -> None:
    print(f"from DICOM to STL, whole process, median of {ROUNDS}; once where above {LONG_S} s")
    print(
        "tool                 seconds  cpu s  memory MB  triangles    edges  volume ml "
        " frame mm  against the mask, full surface"
    )
    path = BENCH_ENVIRONMENT["PATH"]
    runs: dict[str, _Run] = {}
    with tempfile.TemporaryDirectory() as folder:
        scan = _unpacked(Path(folder))
        for tool, line in _chosen().items():
            if not shutil.which(line.split()[0], path=path):
                print(f"{tool:20} is not installed")
                continue
            try:
                runs[tool] = _run(line, scan, Path(folder))
            except subprocess.CalledProcessError as error:
                print(f"{tool:20} failed with exit code {error.returncode}")
                continue
            print(_row(tool, runs[tool], _said(line, scan, Path(folder)), runs), flush=True)


def _chosen() -> dict[str, str]:
    words = os.environ.get("VIS3D_BENCH_TOOLS", "").split(",")
    return {tool: line for tool, line in SHELL.items() if any(word in tool for word in words)}


def _row(tool: str, run: _Run, said: str, runs: dict[str, _Run]) -> str:
    here = run.surface
    reference = runs.get("vis3d level 200")
    off = "" if reference is None or tool == "vis3d lungs" else f"{_apart(here, reference):.1f}"
    return (
        f"{tool:20} {run.seconds:7.2f} {run.cpu_s:6.1f} {run.memory_mb:10.0f}"
        f" {len(here.triangles):10,} {_bad_edges(here):8,} {here.volume_ml:10.1f}"
        f" {off:>9}  {said}"
    )


def _apart(surface: Surface, reference: _Run) -> float:
    """How far the middles of two surfaces' boxes lie apart, mm."""
    here, there = (one.bounds_mm.mean(axis=0) for one in (surface, reference.surface))
    return float(np.linalg.norm(here - there))


def _run(line: str, scan: Path, folder: Path) -> _Run:
    words = _words(line, scan, folder)
    # The first compiles bytecode and brings files into memory: it counts if it stays alone.
    rounds = [_timed(words, folder)]
    if rounds[0][0] <= LONG_S:
        rounds = [_timed(words, folder) for _ in range(ROUNDS)]
    seconds, cpu, memory_mb = (median(column) for column in zip(*rounds, strict=True))
    return _Run(seconds, cpu, memory_mb, read_surface(folder / "o.stl"))


def _words(line: str, scan: Path, folder: Path) -> list[str]:
    words = line.replace("SCAN", str(scan)).replace("OUT", f"{folder}/o.stl").split()
    return [shutil.which(words[0], path=BENCH_ENVIRONMENT["PATH"]) or words[0], *words[1:]]


def _said(line: str, scan: Path, folder: Path) -> str:
    """What vis3d's own report says of its surface, from a run that isn't timed."""
    if not line.startswith("vis3d") or "--structure" not in line:
        return ""
    report = folder / "report.json"
    words = [*_words(line, scan, folder), "--report", str(report)]
    subprocess.run(words, check=True, capture_output=True, env=BENCH_ENVIRONMENT)
    (one,) = json.loads(report.read_text())["structures"]
    off = one["deviation_mm"]
    return (
        f"{one['volume_change_percent']:+.2f}%, mean {off['mean']:.3f}, p95 {off['p95']:.3f} mm"
    )


def _unpacked(folder: Path) -> Path:
    """The scan as files, for tools that read no archives."""
    shutil.unpack_archive(CHEST, folder / "scan")
    return next(path for path in folder.rglob("*.dcm")).parent


def _timed(words: list[str], folder: Path) -> tuple[float, float, float]:
    """Seconds, processor seconds and the largest memory in MB of a command.

    Exit code 124 says that it was stopped after `MOST_S`.
    """
    done = subprocess.run(
        [sys.executable, "-c", STARTER, str(MOST_S), *words],
        check=True,
        capture_output=True,
        text=True,
        env={**BENCH_ENVIRONMENT, "PYTHONPYCACHEPREFIX": str(folder / "bytecode")},
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
    volume = load_volume(CHEST)
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

    pieces = cc3d.connected_components(np.greater(volume.array, LEVEL_HU), connectivity=18)
    large = np.bincount(pieces.reshape(-1)) > 500
    large[0] = False
    return np.asarray(large[pieces])


def _in_patient(mask: Mask, ijk: FloatArray) -> FloatArray:
    return mask.geometry.to_lps(ijk).astype(np.float32)


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1])))
