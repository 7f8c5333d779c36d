"""A flight down the windpipe into the lung, as through a bronchoscope.

python fly_through.py scans/chest                               the airways in a window
python fly_through.py scans/chest --off-screen flight.webp      to a .gif, .webp or .mp4
Without a scan, on the built-in phantom.
"""

import argparse

import vis3d
from vis3d.phantom import chest_phantom
from vis3d.rendering import airway_path, eyes_along, flight, open_window, write_movie

MUCOSA = (222, 136, 120)
SIZE = (640, 480)


def airways_of(volume: vis3d.Volume) -> tuple[vis3d.Surface, vis3d.Mask]:
    """The wall, smoothed by a millimetre: from so near one would see voxels."""
    mask = vis3d.segment(volume, ["airways"]).mask("airways")
    return vis3d.extract_surface(mask, volume, color=MUCOSA, smooth_mm=1.0), mask


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("scan", nargs="?", help="a folder of DICOM files, a zip, a .nii.gz ...")
    parser.add_argument("--frames", type=int, default=120, help="pictures on the way (120)")
    parser.add_argument("--off-screen", metavar="FILE", help="write a film, open no window")
    options = parser.parse_args()
    volume = vis3d.load_volume(options.scan) if options.scan else chest_phantom().volume
    wall, mask = airways_of(volume)
    scene = vis3d.Scene([vis3d.SurfaceLayer(wall)], background=(8, 3, 3))
    if options.off_screen:
        eyes = eyes_along(airway_path(mask), options.frames)
        write_movie(flight(scene, eyes, SIZE, torch_mm=35.0), options.off_screen)
    else:
        open_window(scene, "Airways")
