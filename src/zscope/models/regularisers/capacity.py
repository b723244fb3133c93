"""A KL that is held at a target which rises over the training."""

from torch import Tensor

from zscope.models.parts import Share, Weight
from zscope.models.regularisers.base import Regulariser, Step


class Capacity(Regulariser):
    """The KL's distance from a capacity: |KL − C| in nats per image, weighted by γ, which is the model's beta.

    KL is the mean over the batch. C rises linearly from 0 to its target over a share of the training; in evaluation it
    is the target. Burgess et al. 2018, "Understanding disentangling in β-VAE", equation 8, with γ = 1000 and C up to
    25 nats; with a beta of 1 the KL is hardly held.

    Attributes
    ----------
    target : float
        Final C in nats.
    rise : float
        Share of the training over which C rises.
    """

    name = "capacity"
    formula = "|KL − C|, C = target · min(1, epoch / (rise · epochs))"

    target: Weight = 25.0
    rise: Share = 1.0

    def penalty(self, step: Step) -> Tensor:
        """Distance of the batch's KL from C, the same for each image, shape (N,), nats."""
        capacity = self.target * min(1.0, step.epoch / (self.rise * step.epochs))
        return (step.kl.mean() - capacity).abs().expand(len(step.codes))
