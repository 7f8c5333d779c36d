"""Volume + LabelMap -> numbers, with their definitions and conditions."""

from vis3d.measurement.emphysema import EMPHYSEMA, Cluster, Clusters, emphysema_map
from vis3d.measurement.extent import Extent, extent_of
from vis3d.measurement.histograms import RegionHistogram
from vis3d.measurement.lung_page import PagePicture, lung_page
from vis3d.measurement.measure import (
    Measurements,
    conditions_of,
    measure_lungs,
    measure_structures,
)
from vis3d.measurement.outlines import (
    Ellipse,
    OutlineStatistics,
    Polygon,
    measure_outline,
)
from vis3d.measurement.points import Angle, Distance
from vis3d.measurement.region import Region, measure_mask
from vis3d.measurement.tables import (
    write_clusters_csv,
    write_csv,
    write_histograms_csv,
    write_marks_csv,
    write_marks_json,
    write_regions_csv,
)

__all__ = [
    "EMPHYSEMA",
    "Angle",
    "Cluster",
    "Clusters",
    "Distance",
    "Ellipse",
    "Extent",
    "Measurements",
    "OutlineStatistics",
    "PagePicture",
    "Polygon",
    "Region",
    "RegionHistogram",
    "conditions_of",
    "emphysema_map",
    "extent_of",
    "lung_page",
    "measure_lungs",
    "measure_mask",
    "measure_outline",
    "measure_structures",
    "write_clusters_csv",
    "write_csv",
    "write_histograms_csv",
    "write_marks_csv",
    "write_marks_json",
    "write_regions_csv",
]
