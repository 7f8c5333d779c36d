"""Lungs and their airways inside transparent skin.

python lungs_in_skin.py scans/chest                      in a window
python lungs_in_skin.py scans/chest --off-screen a.png   to a file
Without a scan, on the built-in phantom.
"""

import argparse

import vis3d
from vis3d.phantom import chest_phantom
from vis3d.rendering import open_window

OPACITIES = {"body": 0.15, "left lung": 0.4, "right lung": 0.4, "airways": 1.0, "bones": 1.0}


def scene_of(volume: vis3d.Volume) -> vis3d.Scene:
    """A surface a structure, the outer ones as veils."""
    labels = vis3d.segment(volume, ["lungs", "airways", "body"])
    layers = []
    for structure in labels.structures:
        mask = labels.mask(structure.name)
        if not mask.array.any():
            continue
        # A gown leaves thin air along the skin: a veil shows it without need.
        smooth_mm = 4.0 if structure.name == "body" else 0.0
        surface = vis3d.extract_surface(
            mask, volume, color=structure.color, smooth_mm=smooth_mm, fill_cavities=True
        )
        layers.append(vis3d.SurfaceLayer(surface, opacity=OPACITIES[structure.name]))
    return vis3d.Scene(layers, vis3d.Camera("anterior", azimuth_degrees=25))


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
        open_window(scene, "Lungs in transparent skin")
