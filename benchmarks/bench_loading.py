"""Loading a series and listing a folder, beside other tools, warm cache, median of 5.

Every tool takes its turn in each round, so that a busy machine slows them all. dcm2niix is
timed as its whole process, the others inside this one.
"""

import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import dcm2niix
import imagecodecs
import numpy as np
import pydicom
import SimpleITK
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, JPEGLosslessSV1, generate_uid
from vtkmodules.vtkIOImage import vtkDICOMImageReader

from benchmarks.scans import CHEST
from vis3d.dicom import discover, load_series

ROUNDS = 5
OTHER_FILES = 1000
PEAK = """
import sys
from vis3d.dicom import discover, load_series

def peak():  # Linux; the resource module's number holds the parent's memory too
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024

before = peak()
volume = load_series(discover(sys.argv[1]).series[0])
print(peak() - before, volume.array.nbytes)
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        for name, count, compressed in (
            ("400 slices, uncompressed", 400, False),
            ("250 slices, JPEG lossless", 250, True),
        ):
            folder = Path(scratch, name.replace(" ", "_"))
            write_series(folder, count, compressed=compressed)
            tools = loaders(folder)
            if compressed:
                # Without a decoder one stops, the other answers with zeros.
                del tools["pydicom, stacked"], tools["vtkDICOMImageReader"]
            show(f"load {name}", times(tools))
            show_memory(folder)
        if CHEST.is_file():
            folder = Path(scratch, "real")
            with zipfile.ZipFile(CHEST) as archive:
                archive.extractall(folder)
            folder = next(file for file in folder.rglob("*") if file.is_file()).parent
            show("load the real thin chest of 275 slices", times(loaders(folder)))
            show_memory(folder)
        folder = Path(scratch, "mixed")
        for number in range(10):
            write_series(folder / str(number), 400, size=16)
        for number in range(OTHER_FILES):
            (folder / f"note{number}").write_bytes(b"text" * 500)
        show("list 5,000 files", times(listers(folder)))


def times(tools: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Seconds of each tool: the median of rounds in which all take turns."""
    seconds: dict[str, list[float]] = {name: [] for name in tools}
    for turn in range(ROUNDS + 1):  # the first warms the cache
        for name, tool in tools.items():
            started = time.perf_counter()
            tool()
            if turn:
                seconds[name].append(time.perf_counter() - started)
    return {name: median(values) for name, values in seconds.items()}


def show(what: str, seconds: dict[str, float]) -> None:
    ours, *others = seconds.values()
    print(f"\n{what}: {ours / min(others):.2f} x the fastest other")
    for name, value in sorted(seconds.items(), key=lambda entry: entry[1]):
        print(f"  {value:7.3f} s  {name}")


def show_memory(folder: Path) -> None:
    """Peak memory of loading in a process of its own, above what the imports take."""
    command = [sys.executable, "-c", PEAK, str(folder)]
    peak, size = map(
        int, subprocess.run(command, check=True, capture_output=True).stdout.split()
    )
    print(f"  {peak / size:7.2f} x the volume's bytes at most in memory")


def loaders(folder: Path) -> dict[str, Callable[[], object]]:
    def ours() -> object:
        return load_series(discover(folder).series[0])

    def simple_itk() -> object:
        reader = SimpleITK.ImageSeriesReader()
        reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
        return reader.Execute()

    def naive() -> object:
        datasets = [pydicom.dcmread(file) for file in folder.iterdir()]
        datasets.sort(key=lambda dataset: float(dataset.ImagePositionPatient[2]))
        return np.stack([dataset.pixel_array for dataset in datasets])

    def converted() -> None:
        with tempfile.TemporaryDirectory() as out:
            command = [dcm2niix.bin, "-z", "n", "-b", "n", "-o", out, str(folder)]
            subprocess.run(command, check=True, capture_output=True)

    def vtk() -> None:  # it ignores geometry
        reader = vtkDICOMImageReader()
        reader.SetDirectoryName(str(folder))
        reader.Update()

    return {
        "vis3d": ours,
        "SimpleITK": simple_itk,
        "pydicom, stacked": naive,
        "dcm2niix -z n": converted,
        "vtkDICOMImageReader": vtk,
    }


def listers(folder: Path) -> dict[str, Callable[[], object]]:
    def simple_itk() -> object:
        reader = SimpleITK.ImageSeriesReader()
        return [reader.GetGDCMSeriesIDs(str(part)) for part in sub_folders(folder)]

    return {"vis3d": lambda: discover(folder), "SimpleITK": simple_itk}


def sub_folders(folder: Path) -> Iterator[Path]:
    yield folder
    yield from (part for part in folder.iterdir() if part.is_dir())


def write_series(
    folder: Path, count: int, *, size: int = 512, compressed: bool = False
) -> None:
    """A chest-like series: a smooth body with noise, so that it compresses as scans do."""
    folder.mkdir(parents=True)
    noise = np.random.default_rng(0).normal(0, 12, (size + count, size))
    radius = np.hypot(*np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j])
    body = np.where(radius < 0.8, 1060, 0) - 850 * (np.abs(radius - 0.35) < 0.2)
    series_uid = generate_uid()
    for k in range(count):
        stored = (body + np.where(body > 0, noise[k : k + size], 0)).clip(0, 4000)
        write_slice(folder / f"{k:04d}", stored.astype(np.uint16), k, series_uid, compressed)


def write_slice(
    path: Path, stored: np.ndarray, k: int, series_uid: str, compressed: bool
) -> None:
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = CTImageStorage, generate_uid()
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.3", series_uid
    dataset.Modality, dataset.InstanceNumber = "CT", k + 1
    dataset.ImagePositionPatient, dataset.ImageOrientationPatient = (
        [0, 0, k],
        [1, 0, 0, 0, 1, 0],
    )
    dataset.PixelSpacing, dataset.SliceThickness = [0.7, 0.7], 1
    dataset.Rows, dataset.Columns = stored.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelRepresentation = 0
    dataset.RescaleSlope, dataset.RescaleIntercept = 1, -1024
    dataset.add_new(0x00090010, "LO", "BENCHMARK")
    for element in range(80):  # scanners write about as many private elements
        dataset.add_new(0x00091001 + element, "LO", "what a scanner adds")
    if compressed:
        dataset.PixelData = encapsulate([imagecodecs.ljpeg_encode(stored, bitspersample=12)])
        dataset["PixelData"].is_undefined_length = True
    else:
        dataset.PixelData = stored.tobytes()
    dataset["PixelData"].VR = "OB" if compressed else "OW"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = (
        JPEGLosslessSV1 if compressed else ExplicitVRLittleEndian
    )
    dataset.save_as(path, enforce_file_format=True)


if __name__ == "__main__":
    main()
