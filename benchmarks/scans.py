"""Where the real scan lies that benchmarks use."""

import os
from pathlib import Path

DATA = Path(os.environ.get("VIS3D_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
CHEST = DATA / "lidc_idri_0314.zip"
"""The real chest of 275 slices."""
