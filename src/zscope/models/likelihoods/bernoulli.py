"""Binary cross-entropy."""

import torch
from torch import Tensor
from torch.nn import functional

from zscope.models.likelihoods.base import Likelihood


class Bernoulli(Likelihood):
    """Pixels as Bernoulli means: binary cross-entropy of logits.

    On grey levels (neither 0 nor 1) this is not a normalised likelihood: it lacks the constant of the continuous
    Bernoulli (Loaiza-Ganem & Cunningham 2019), and its floor is the images' own entropy, not zero.
    """

    name = "bernoulli"
    formula = "−Σ x log p + (1 − x) log(1 − p), p = sigmoid(output)"

    def negative_log(self, output: Tensor, images: Tensor) -> Tensor:
        """Binary cross-entropy in nats, summed over each image."""
        return functional.binary_cross_entropy_with_logits(output, images, reduction="none").sum(dim=(1, 2, 3))

    def mean(self, output: Tensor) -> Tensor:
        """Apply the sigmoid to the output."""
        return torch.sigmoid(output)
