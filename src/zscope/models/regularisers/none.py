"""No regulariser."""

import torch
from torch import Tensor

from zscope.models.regularisers.base import Regulariser, Step


class NoRegulariser(Regulariser):
    """Nothing: the plain autoencoder."""

    name = "none"
    formula = "0"
    kinds = ("ae",)

    def penalty(self, step: Step) -> Tensor:
        """Zeros, shape (N,)."""
        return torch.zeros(len(step.codes), device=step.codes.device)
