"""Lungs and their airways inside transparent skin.

python lungs_in_skin.py scans/chest                      in a window
python lungs_in_skin.py scans/chest --off-screen a.png   to a file
Without a scan, on the built-in phantom.
"""

import argparse

import vis3d
from vis3d.meshing.for_view import surface_for_view
from vis3d.phantom import chest_phantom
from vis3d.rendering import open_window
from vis3d.segmentation import close

LOOKS = {  # colour and opacity
    "body": ((250, 214, 190), 0.16),
    "left lung": ((92, 160, 216), 0.32),
    "right lung": ((104, 196, 160), 0.32),
    "airways": ((244, 190, 92), 1.0),
}


def scene_of(volume: vis3d.Volume) -> vis3d.Scene:
    """A surface a structure, the outer ones as veils."""
    labels = vis3d.segment(volume, ["lungs", "airways", "body"])
    layers = []
    for name, (color, opacity) in LOOKS.items():
        mask = labels.mask(name)
        if not mask.array.any():
            continue
        # A gown leaves thin air along the skin, which a veil would show: close it.
        veil = surface_for_view(close(mask, 8.0) if name == "body" else mask, color=color)
        layers.append(vis3d.SurfaceLayer(veil, opacity=opacity))
    camera = vis3d.Camera("anterior", azimuth_degrees=25, elevation_degrees=5)
    return vis3d.Scene(layers, camera, ambient_occlusion=True)


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
