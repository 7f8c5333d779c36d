"""Segmenting a chest, beside a straightforward SimpleITK pipeline and per-slice k-means.

The chest is the phantom, whose truth is exact, 512 x 512 x 80 voxels, in memory; then the real
one of 275 slices, where it is at hand. All of those answer with the lungs alone (vis3d parts
left from right and follows the airways on the way). Seconds are medians of rounds, by the clock
and of CPU; peaks are those of each tool's own process, its answer included. Then the growth of
each structure from 256 to 1,024 slices.
"""

import multiprocessing
import os
import resource
import time
from collections.abc import Callable
from statistics import median

import numpy as np
import SimpleITK
from scipy import ndimage
from skimage.measure import label, regionprops

from benchmarks.scans import CHEST
from vis3d.files import load_volume
from vis3d.geometry import Geometry
from vis3d.phantom import chest_phantom
from vis3d.segmentation import segment
from vis3d.volume import Volume

ROUNDS = 3
SHAPE, SPACING = (80, 512, 512), (0.75, 0.75, 4.0)
SLICES = (256, 512, 1024)


def main() -> None:
    phantom = chest_phantom(shape=SHAPE, spacing=SPACING)
    compare(phantom.volume, phantom.labels.mask("lungs").array)
    if CHEST.is_file():
        compare(load_volume(CHEST))
    growth()


def compare(volume: Volume, truth: np.ndarray | None = None) -> None:
    """All tools on one scan: what they take, and how near the truth they come."""
    mib = volume.array.nbytes / 2**20
    print(f"\n{volume!r}, {mib:.0f} MiB; load {os.getloadavg()[0]:.1f}")
    # all before the first answer is unpacked: memory the parent freed would hide a child's
    answers = {
        name: measured(tool, volume, 1 if "k-means" in name else ROUNDS)
        for name, tool in TOOLS.items()
    }
    first_seconds, first_cpu, *_ = next(iter(answers.values()))
    for name, (seconds, cpu, peak_mib, packed) in answers.items():
        score = ""
        if packed is not None:
            score = f", {seconds / first_seconds:.1f} x ({cpu / first_cpu:.1f} x of CPU)"
        if packed is not None and truth is not None:
            lungs = np.unpackbits(packed, count=truth.size).reshape(truth.shape) > 0
            score += f", Dice {dice(lungs, truth):.3f}"
        print(
            f"  {seconds:7.2f} s  {cpu:7.2f} s of CPU  {peak_mib / mib:4.1f} x the volume  "
            f"{name}{score}"
        )


def growth() -> None:
    """The same chest in ever more and thinner slices: CPU and memory should grow as they do."""
    phantom = chest_phantom(shape=(SLICES[0], 256, 256))
    i_mm, j_mm, k_mm = phantom.volume.geometry.spacing
    first: dict[str, tuple[float, float]] = {}
    for count in SLICES:
        times = count // SLICES[0]
        array = phantom.volume.array.repeat(times, axis=0)
        geometry = Geometry(array.shape, (i_mm, j_mm, k_mm / times))
        volume = Volume(array, geometry, metadata=phantom.volume.metadata)
        for name in GROWING:
            seconds, cpu, peak_mib, _ = measured(TOOLS[name], volume, 1)
            first_cpu, first_mib = first.setdefault(name, (cpu, peak_mib))
            print(
                f"  {count:5} slices: {seconds:.2f} s, {cpu:.2f} s of CPU "
                f"({cpu / first_cpu:.1f} x), {peak_mib:.0f} MiB ({peak_mib / first_mib:.1f} x)"
                f"  {name}"
            )


def measured(
    tool: Callable[[Volume], np.ndarray | None], volume: Volume, rounds: int
) -> tuple[float, float, float, np.ndarray | None]:
    """Median seconds, of the clock and of CPU, peak MiB above the start, the packed lungs.

    In a process of its own.
    """
    context = multiprocessing.get_context("fork")
    answers, sender = context.Pipe(duplex=False)

    def work() -> None:
        before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        seconds, cpu, lungs = [], [], None
        for _ in range(rounds):
            lungs = None  # one answer at a time counts
            started, used = time.perf_counter(), time.process_time()
            lungs = tool(volume)
            seconds.append(time.perf_counter() - started)
            cpu.append(time.process_time() - used)
        peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib
        packed = None if lungs is None else np.packbits(lungs)
        sender.send((median(seconds), median(cpu), peak_kib / 1024, packed))

    process = context.Process(target=work)
    process.start()
    sender.close()  # so that a tool that fails ends the wait
    seconds, cpu, peak_mib, packed = answers.recv()
    process.join()
    return seconds, cpu, peak_mib, packed


def ours(volume: Volume) -> np.ndarray:
    return segment(volume, ["lungs"]).array > 0


def our_lungs_and_airways(volume: Volume) -> None:
    segment(volume, ["lungs", "airways"])


def our_bones(volume: Volume) -> None:
    segment(volume, ["bones"])


def ours_all(volume: Volume) -> None:
    segment(volume, ["lungs", "airways", "bones", "body"])


def our_body(volume: Volume) -> None:
    segment(volume, ["body"])


def simple_itk(volume: Volume) -> np.ndarray:
    """The usual recipe: below -320 HU inside the body, the two largest parts, filled.

    The body is the largest part above, filled slice by slice: clearing what touches the
    border instead would leave the hollow table, whose air is larger than a lung.
    """
    dense = SimpleITK.GetImageFromArray((volume.array >= -320).astype(np.uint8))
    body = SimpleITK.RelabelComponent(SimpleITK.ConnectedComponent(dense)) == 1
    air = _filled_in_slices(body) - body
    parts = SimpleITK.RelabelComponent(SimpleITK.ConnectedComponent(air))
    lungs = _filled_in_slices((parts >= 1) & (parts <= 2))
    return SimpleITK.GetArrayFromImage(lungs) > 0


def _filled_in_slices(mask: SimpleITK.Image) -> SimpleITK.Image:
    slices = [SimpleITK.BinaryFillhole(mask[:, :, k]) for k in range(mask.GetDepth())]
    filled = SimpleITK.JoinSeries(slices)
    filled.CopyInformation(mask)
    return filled


def k_means(volume: Volume) -> np.ndarray:
    """The tutorial's way: two classes in each slice, eroded, dilated, parts by their box."""
    return np.stack([_k_means_slice(values.astype(np.float64)) for values in volume.array])


def _k_means_slice(values: np.ndarray) -> np.ndarray:
    values = (values - values.mean()) / max(values.std(), 1e-6)
    middle = values[100:400, 100:400].reshape(-1)
    low, high = middle.min(), middle.max()
    for _ in range(20):
        level = (low + high) / 2
        if not (middle < level).any() or not (middle >= level).any():
            break
        low, high = middle[middle < level].mean(), middle[middle >= level].mean()
    air = ndimage.binary_erosion(values < (low + high) / 2, np.ones((3, 3)))
    parts = label(ndimage.binary_dilation(air, np.ones((8, 8))))
    rows, columns = values.shape
    mask = np.zeros(values.shape, bool)
    for region in regionprops(parts):
        top, left, bottom, right = region.bbox
        tall, wide = bottom - top, right - left
        if tall < 0.9 * rows and wide < 0.9 * columns and top > 0.1 * rows:
            mask |= parts == region.label
    return ndimage.binary_dilation(mask, np.ones((10, 10)))


def dice(found: np.ndarray, true: np.ndarray) -> float:
    return 2 * np.count_nonzero(found & true) / (np.count_nonzero(found) + true.sum())


TOOLS: dict[str, Callable[[Volume], np.ndarray | None]] = {
    "vis3d, lungs": ours,
    "SimpleITK, lungs": simple_itk,
    "k-means per slice, lungs": k_means,
    "vis3d, lungs and airways": our_lungs_and_airways,
    "vis3d, bones": our_bones,
    "vis3d, body": our_body,
    "vis3d, all of them": ours_all,
}
GROWING = ("vis3d, lungs and airways", "vis3d, bones", "vis3d, body")


if __name__ == "__main__":
    main()
