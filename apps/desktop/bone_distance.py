"""The bones, and the distance between two points on them.

python bone_distance.py scans/chest                      pick two points in a window
python bone_distance.py scans/chest --off-screen a.png   the width of the bones, to a file
Without a scan, on the built-in phantom.
"""

import argparse

import numpy as np
import pyvista

import vis3d
from vis3d.phantom import chest_phantom
from vis3d.rendering import require_opengl


def bones_of(volume: vis3d.Volume) -> vis3d.Surface:
    """The surface of the bones, light enough to turn on any machine."""
    mask = vis3d.segment_bones(volume).mask("bones")
    return vis3d.extract_surface(mask, volume, max_triangles=300_000)


def draw_distance(plotter: pyvista.Plotter, a_lps: np.ndarray, b_lps: np.ndarray) -> None:
    """A line between two points in LPS mm, with its length."""
    length_mm = float(np.linalg.norm(b_lps - a_lps))
    plotter.add_mesh(pyvista.Line(a_lps, b_lps), color="#d1495b", line_width=6)
    words, place = [f"{length_mm:.0f} mm"], [(a_lps + b_lps) / 2]
    plotter.add_point_labels(
        place, words, font_size=34, text_color="#d1495b", shape=None, always_visible=True
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("scan", nargs="?", help="a folder of DICOM files, a zip, a .nii.gz ...")
    parser.add_argument("--off-screen", metavar="FILE", help="write a picture, open no window")
    options = parser.parse_args()
    volume = vis3d.load_volume(options.scan) if options.scan else chest_phantom().volume
    require_opengl()
    bones = bones_of(volume)
    plotter = pyvista.Plotter(off_screen=bool(options.off_screen), window_size=(1200, 900))
    plotter.add_mesh(vis3d.to_pyvista(bones), color="#e8dcc0", smooth_shading=True)
    plotter.enable_ssao(radius=15, bias=0.5, kernel_size=64)
    plotter.enable_anti_aliasing("ssaa")
    plotter.view_vector((0, -1, 0), viewup=(0, 0, 1))  # from in front, in LPS
    plotter.camera.zoom(1.4)
    if options.off_screen:
        left, right = bones.points[:, 0].argmax(), bones.points[:, 0].argmin()
        draw_distance(plotter, bones.points[left], bones.points[right])
        plotter.screenshot(options.off_screen)
    else:
        plotter.add_measurement_widget()
        plotter.show(title="Click two points on the bones")
