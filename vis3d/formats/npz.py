"""NumPy archives (.npz), written only: for those who feed networks."""

from pathlib import Path

import numpy as np

from vis3d.formats.voxels import facts_json
from vis3d.progress import Progress, silent
from vis3d.volume import Volume
from vis3d.whole_file import whole_file


def write_volume(volume: Volume, path: Path, progress: Progress = silent) -> None:
    """`array` [k, j, i], `affine` (i, j, k to LPS mm), `spacing` (i, j, k) mm, and facts.

    Not compressed, so that it opens at once.
    """
    progress(0.0, f"Writing {path.name}")
    with whole_file(path) as unfinished, unfinished.open("wb") as stream:
        np.savez(
            stream,
            array=volume.array,
            affine=volume.geometry.affine,
            spacing=np.array(volume.geometry.spacing),
            frame=np.array("LPS"),
            unit=np.array(volume.unit),
            padding=np.array(np.nan if volume.padding is None else volume.padding),
            facts=np.array(facts_json(volume)),
        )
