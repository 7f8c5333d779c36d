"""Three slices where they lie in the patient, with the airways between them.

python slices_in_3d.py scans/chest                      in a window
python slices_in_3d.py scans/chest --off-screen a.png   to a file
Without a scan, on the built-in phantom.
"""

import argparse

import numpy as np

import vis3d
from vis3d.imaging import cropped, only
from vis3d.phantom import chest_phantom
from vis3d.rendering import open_window


def scene_of(volume: vis3d.Volume) -> vis3d.Scene:
    """Axial, coronal and sagittal slice through the lungs' middle, and the airways."""
    labels = vis3d.segment(volume, ["lungs", "airways", "body"])
    body, lungs = labels.mask("body"), labels.mask("lungs")
    alone = cropped(only(volume, body), body)  # what isn't the patient is seen through
    middle = lungs.geometry.to_lps(np.argwhere(lungs.array)[:, ::-1].mean(axis=0))
    layers: list[vis3d.SliceLayer | vis3d.SurfaceLayer] = [
        vis3d.SliceLayer(alone, plane, tuple(middle.tolist()), window=(-500, 1600))
        for plane in ("axial", "coronal", "sagittal")
    ]
    airways = labels.mask("airways")
    if airways.array.any():
        surface = vis3d.extract_surface(airways, volume, color=(244, 190, 92))
        layers.append(vis3d.SurfaceLayer(surface))
    camera = vis3d.Camera("anterior", azimuth_degrees=35, elevation_degrees=22)
    return vis3d.Scene(layers, camera)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("scan", nargs="?", help="a folder of DICOM files, a zip, a .nii.gz ...")
    parser.add_argument("--off-screen", metavar="FILE", help="write a picture, open no window")
    options = parser.parse_args()
    volume = vis3d.load_volume(options.scan) if options.scan else chest_phantom().volume
    scene = scene_of(volume)
    if options.off_screen:
        vis3d.screenshot(scene, options.off_screen)
    else:
        open_window(scene, "Slices in the patient")
