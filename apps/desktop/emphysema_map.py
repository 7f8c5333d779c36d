"""Where the lungs are darker than -950 HU, the voxels that %LAA-950 counts.

python emphysema_map.py scans/chest                      in a window
python emphysema_map.py scans/chest --off-screen a.png   to a file
Without a scan, on the built-in phantom.
"""

import argparse

import vis3d
from vis3d.phantom import chest_phantom
from vis3d.rendering import open_window

EMPHYSEMA_HU = -950
"""Gevenois et al., 1996."""


def scene_of(volume: vis3d.Volume) -> vis3d.Scene:
    """Both lungs as veils, the dark voxels solid inside them."""
    labels = vis3d.segment_lungs(volume)
    lungs = labels.mask("lungs")
    dark = volume.mask(lungs.array & (volume.array < EMPHYSEMA_HU), "emphysema")
    print(vis3d.measure_lungs(volume, labels))
    veil = vis3d.extract_surface(lungs, volume, color=(120, 170, 220))
    layers = [vis3d.SurfaceLayer(veil, opacity=0.2)]
    if dark.array.any():
        # Without the volume: voxels are shown as they are counted.
        spots = vis3d.extract_surface(dark, color=(235, 90, 70))
        layers.append(vis3d.SurfaceLayer(spots))
    camera = vis3d.Camera("anterior", azimuth_degrees=-20)
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
        open_window(scene, "Emphysema, below -950 HU")
