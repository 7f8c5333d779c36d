"""Bones before and after smoothing, and how far that moved each point.

python smoothing_deviation.py scans/chest --smooth 2           in a window
python smoothing_deviation.py scans/chest --off-screen a.png   to a file
Without a scan, on the built-in phantom.
"""

import argparse

import pyvista

import vis3d
from vis3d.meshing import with_deviation
from vis3d.phantom import chest_phantom
from vis3d.rendering import require_opengl

if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("scan", nargs="?", help="a folder of DICOM files, a zip, a .nii.gz ...")
    parser.add_argument("--smooth", metavar="MM", type=float, default=2.0)
    parser.add_argument("--off-screen", metavar="FILE", help="write a picture, open no window")
    options = parser.parse_args()
    volume = vis3d.load_volume(options.scan) if options.scan else chest_phantom().volume
    require_opengl()

    mask = vis3d.segment_bones(volume).mask("bones")
    before = vis3d.extract_surface(mask, volume)
    after = vis3d.extract_surface(mask, volume, smooth_mm=options.smooth)
    after = with_deviation(after, before)  # adds point_data["deviation_mm"]

    plotter = pyvista.Plotter(
        shape=(1, 2), off_screen=bool(options.off_screen), window_size=(1600, 900)
    )
    plotter.add_mesh(vis3d.to_pyvista(before), color="#e8dcc0", smooth_shading=True)
    plotter.add_text("as scanned", font_size=16, color="#303540")
    plotter.subplot(0, 1)
    plotter.add_mesh(
        vis3d.to_pyvista(after),
        scalars="deviation_mm",
        cmap="YlOrRd",
        clim=(0, options.smooth / 2),
        smooth_shading=True,
        scalar_bar_args={"title": "moved by mm", "n_labels": 2, "color": "#303540"},
    )
    plotter.add_text(f"smoothed {options.smooth:g} mm", font_size=16, color="#303540")
    plotter.link_views()
    plotter.view_vector((0, -1, 0), viewup=(0, 0, 1))  # from in front, in LPS
    plotter.camera.zoom(1.35)
    if options.off_screen:
        plotter.screenshot(options.off_screen)
    else:
        plotter.show(title="Before and after smoothing")
