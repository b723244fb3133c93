"""Regularisers: what keeps the codes in place. One list, one contract."""

from zscope.models.regularisers.base import Regulariser, Step
from zscope.models.regularisers.capacity import Capacity
from zscope.models.regularisers.free_bits import FreeBits
from zscope.models.regularisers.gradient_penalty import GradientPenalty
from zscope.models.regularisers.kl import KullbackLeibler
from zscope.models.regularisers.l2 import SquaredNorm
from zscope.models.regularisers.mmd import MaximumMeanDiscrepancy
from zscope.models.regularisers.none import NoRegulariser
from zscope.models.regularisers.total_correlation import TotalCorrelation

__all__ = ["REGULARISERS", "Regulariser", "Step"]

REGULARISERS: dict[str, Regulariser] = {
    item.name: item
    for item in (
        NoRegulariser(),
        KullbackLeibler(),
        FreeBits(),
        Capacity(),
        MaximumMeanDiscrepancy(),
        TotalCorrelation(),
        SquaredNorm(),
        GradientPenalty(),
    )
}
"""Every regulariser by name, with its default options."""
