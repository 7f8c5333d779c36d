"""What `import vis3d` offers, and what it costs."""

import subprocess
import sys

import vis3d

PROMISED = """
    find_series load_volume segment segment_lungs segment_bones measure_lungs extract_surface
    isosurface resample to_vtk to_pyvista screenshot read_volume write_volume read_labelmap
    write_labelmap read_surface write_surface Geometry Volume Mask LabelMap Structure Surface
    Scene SurfaceLayer VolumeLayer SliceLayer Series SEGMENTERS STRUCTURES Vis3dError Cancelled
""".split()


def test_every_promised_name_is_there() -> None:
    assert [name for name in PROMISED if not hasattr(vis3d, name)] == []
    assert set(PROMISED) <= set(vis3d.__all__)


def test_importing_vis3d_alone_imports_nothing_heavy() -> None:
    code = "import sys, vis3d; print(*sorted({n.split('.')[0] for n in sys.modules}))"
    names = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"numpy", "scipy", "vtkmodules", "pyvista", "trame", "pydicom"} & set(names)
