"""A film of lungs and bones that turn.

python turntable.py scans/chest                               in a window, turned by hand
python turntable.py scans/chest --off-screen film.webp        to a .gif, .webp or .mp4
Without a scan, on the built-in phantom.
"""

import argparse

import vis3d
from vis3d.phantom import chest_phantom
from vis3d.rendering import frames, open_window, write_movie

MOST_TRIANGLES = 150_000
"""A structure: fifty pictures of it then take seconds without a GPU."""


def scene_of(volume: vis3d.Volume) -> vis3d.Scene:
    """A surface a structure."""
    labels = vis3d.segment(volume, ["lungs", "bones"])
    masks = [(labels.mask(one.name), one.color) for one in labels.structures]
    surfaces = [
        vis3d.extract_surface(mask, volume, color=color, max_triangles=MOST_TRIANGLES)
        for mask, color in masks
        if mask.array.any()
    ]
    layers = [vis3d.SurfaceLayer(surface) for surface in surfaces]
    return vis3d.Scene(layers, ambient_occlusion=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("scan", nargs="?", help="a folder of DICOM files, a zip, a .nii.gz ...")
    parser.add_argument("--frames", type=int, default=48, help="pictures in one turn (48)")
    parser.add_argument("--off-screen", metavar="FILE", help="write a film, open no window")
    options = parser.parse_args()
    volume = vis3d.load_volume(options.scan) if options.scan else chest_phantom().volume
    scene = scene_of(volume)
    if options.off_screen:
        write_movie(frames(scene, options.frames, (640, 640)), options.off_screen)
    else:
        open_window(scene, "Lungs and bones")
