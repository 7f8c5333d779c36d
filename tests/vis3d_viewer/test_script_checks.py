"""Python in a session: only what the explorer writes itself is kept."""

import pytest
from vis3d_viewer.script_checks import is_ours


@pytest.mark.parametrize(
    "code",
    [
        "import os",
        "masks[1] = __import__('os')",
        "masks[1] = segmentation.__class__",
        "masks[1] = segmentation.segment.__globals__['os']",
        "masks['x'] = volume",
        "masks[1] = volume.array",
        "masks[1] = (lambda: 1)()",
        "masks[1] = f'{volume}'",
        "masks[1] = [x for x in volume]",
        "masks[1] = segmentation.fill(*volume)",
        "masks[1] = segmentation.fill(**volume)",
        "masks[1] = open('x')",
        "open('x')",
        "masks[1] = from_file('../../x.nrrd', 0, 1)",
        "masks[1] = from_file('/etc/passwd', 0, 1)",
        "masks[1] = from_file()",
        "masks[1] = from_file(path='/etc/passwd')",
        "files = 1",
        "del vis3d",
        "masks[1] = masks[2] = volume",
        "x.masks[1] = volume",
        "find.__init__('x')",
        "masks[1] = measurement.write_marks_json([], 'x')",
        "masks[1] = segmentation.fill(masks[1]); import os",
        "masks[1] = segmentation.fill(masks[1])\rimport os",
        "masks[1] = " + "(" * 5000 + ")" * 5000,
        "masks[1] = " + "-" * 100_000 + "1",
        "masks[1] = 'x" + "x" * (1 << 20) + "'",
        "masks[1] = '\0'",
        "masks[1] = [[1.0, 2.0], [x()]]",
        "masks[1] = [[1.0, 2.0]].append(masks)",
        "masks[1] = [[1]]; import os; [[2]]",
        "write_surface('../../x.stl', 1)",
        "write_surface('/etc/x.stl', 1)",
        "write_labels('.bashrc')",
        "write_labels(names[1])",
        "write_labels(name='x.nrrd')",
        "write_surface('x.stl', 1, **masks)",
        "write_surface('x.stl', open('x'))",
        "write_found(volume, 'x.csv')",
        "masks[1] = write_labels('x.nrrd')",
        "names[1], files = 'a', 1",
    ],
)
def test_python_that_is_not_ours_is_refused(code: str) -> None:
    assert not is_ours(code)
