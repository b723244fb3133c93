"""Free bits: a KL that costs nothing up to a floor."""

from torch import Tensor

from zscope.models.parts import Weight
from zscope.models.regularisers.base import Regulariser, Step


class FreeBits(Regulariser):
    """Each axis may carry λ nats at no cost: Σ_j max(λ, mean_x KL_j(x)), nats per image.

    The mean is that over the batch. Below the floor an axis gets no gradient of this term, so that it is not pressed
    to collapse. Kingma et al. 2016, "Improved Variational Inference with Inverse Autoregressive Flow", equation 15.

    Attributes
    ----------
    floor : float
        λ in nats for each axis.
    """

    name = "free-bits"
    formula = "Σ_j max(floor, mean over the batch of KL_j)"
    standard_prior = True

    floor: Weight = 0.25

    def penalty(self, step: Step) -> Tensor:
        """Floored KL of the batch, the same for each image, shape (N,), nats."""
        return step.posterior.kl_by_axis().mean(dim=0).clamp(min=self.floor).sum().expand(len(step.codes))
