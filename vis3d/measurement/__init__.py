"""Volume + LabelMap -> numbers, with their definitions and conditions."""

from vis3d.measurement.lungs import LungMeasurements, conditions_of, measure_lungs
from vis3d.measurement.region import Region, measure_mask

__all__ = ["LungMeasurements", "Region", "conditions_of", "measure_lungs", "measure_mask"]
