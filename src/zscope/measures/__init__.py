"""Measures: statistics of latents. Arrays in, frozen results out; no files, no pictures, no torch."""

from zscope.measures.activity import ActivityMeasure
from zscope.measures.axes import AxesMeasure
from zscope.measures.base import LatentCodes, Measure, Measurement
from zscope.measures.inertia import InertiaMeasure
from zscope.measures.kl import DivergenceMeasure
from zscope.measures.logvar import LogVarianceMeasure
from zscope.measures.pca import PrincipalComponentsMeasure
from zscope.measures.planes import PlanesMeasure
from zscope.measures.radius import RadiusMeasure, RadiusMoments, predicted_radius, radii
from zscope.measures.tsne import TsneMeasure

__all__ = [
    "MEASURES",
    "ActivityMeasure",
    "AxesMeasure",
    "DivergenceMeasure",
    "InertiaMeasure",
    "LatentCodes",
    "LogVarianceMeasure",
    "Measure",
    "Measurement",
    "PlanesMeasure",
    "PrincipalComponentsMeasure",
    "RadiusMeasure",
    "RadiusMoments",
    "TsneMeasure",
    "predicted_radius",
    "radii",
]

MEASURES: tuple[Measure, ...] = (
    RadiusMeasure(),
    AxesMeasure(),
    ActivityMeasure(),
    DivergenceMeasure(),
    LogVarianceMeasure(),
    PrincipalComponentsMeasure(),
    PlanesMeasure(),
    InertiaMeasure(),
    TsneMeasure(),
)
"""Every measure with its default parameters, in the order of the report."""
