"""Measures: statistics of latents. Arrays in, frozen results out; no files, no pictures, no torch."""

from zscope.measures.activity import ActivityMeasure
from zscope.measures.axes import AxesMeasure
from zscope.measures.base import LatentCodes, Measure, Measurement
from zscope.measures.clusters import ClustersMeasure
from zscope.measures.dimension import DimensionMeasure
from zscope.measures.inertia import InertiaMeasure
from zscope.measures.kl import DivergenceMeasure
from zscope.measures.logvar import LogVarianceMeasure
from zscope.measures.normality import NormalityMeasure
from zscope.measures.pca import PrincipalComponentsMeasure
from zscope.measures.planes import PlanesMeasure
from zscope.measures.prior import PriorMeasure
from zscope.measures.radius import RadiusMeasure, RadiusMoments, predicted_radius, radii
from zscope.measures.tsne import TsneMeasure
from zscope.measures.voids import VoidMeasure

__all__ = [
    "MEASURES",
    "ActivityMeasure",
    "AxesMeasure",
    "ClustersMeasure",
    "DimensionMeasure",
    "DivergenceMeasure",
    "InertiaMeasure",
    "LatentCodes",
    "LogVarianceMeasure",
    "Measure",
    "Measurement",
    "NormalityMeasure",
    "PlanesMeasure",
    "PrincipalComponentsMeasure",
    "PriorMeasure",
    "RadiusMeasure",
    "RadiusMoments",
    "TsneMeasure",
    "VoidMeasure",
    "predicted_radius",
    "radii",
]

MEASURES: tuple[Measure, ...] = (
    RadiusMeasure(),
    AxesMeasure(),
    ActivityMeasure(),
    DivergenceMeasure(),
    LogVarianceMeasure(),
    PriorMeasure(),
    PrincipalComponentsMeasure(),
    NormalityMeasure(),
    DimensionMeasure(),
    InertiaMeasure(),
    ClustersMeasure(),
    VoidMeasure(),
    PlanesMeasure(),
    TsneMeasure(),
)
"""Every measure with its default parameters, in the order of the report."""
