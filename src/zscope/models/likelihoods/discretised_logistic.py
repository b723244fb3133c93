"""The probability of a grey level out of 256."""

import math

import torch
from torch import Tensor
from torch.nn import functional

from zscope.models.likelihoods.base import FIRST_SCALE, Likelihood, bounded_log_scale, learned_log_scale

HALF_BIN = 0.5 / 255


class DiscretisedLogistic(Likelihood):
    """Probability of each of the 256 grey levels: a logistic density summed over the level's bin.

    P(x) = sigmoid((x + h − μ) / s) − sigmoid((x − h − μ) / s) with μ the output, h = ½ / 255, and one learned scale s
    for each channel; the bins of 0 and 255 reach to −∞ and ∞, so that the levels sum to 1. It is a true probability:
    nats per image, at least 0; divided by log 2 and by pixels × channels they are bits per dimension. One component of
    Salimans et al. 2017, "PixelCNN++", section 2.1; the difference of sigmoids a > b is computed as
    sigmoid(a) sigmoid(−b) (1 − exp(b − a)), which needs no cases. Images are taken to the nearest level.
    """

    name = "discretised-logistic"
    formula = "−Σ log(sigmoid((x + h − μ) / s) − sigmoid((x − h − μ) / s)), μ = output, h = ½ / 255, s learned"

    def __init__(self, channels: int = 1, sigma: float = 1.0) -> None:
        super().__init__(channels, sigma)
        # A logistic's standard deviation is π s / √3.
        self.raw = learned_log_scale(FIRST_SCALE * math.sqrt(3) / math.pi, (channels, 1, 1))

    def negative_log(self, output: Tensor, images: Tensor) -> Tensor:
        """Negative log-probability of the levels in nats, summed over each image."""
        log_scale = bounded_log_scale(self.raw)
        levels, inverse = (255 * images).round() / 255, (-log_scale).exp()
        above = functional.logsigmoid((levels + HALF_BIN - output) * inverse)
        below = functional.logsigmoid((output - levels + HALF_BIN) * inverse)
        width = torch.log(-torch.expm1(-2 * HALF_BIN * inverse))
        inner = above + below + width
        edges = torch.where(levels == 0, above, torch.where(levels == 1, below, inner))
        return -edges.sum(dim=(1, 2, 3))

    def mean(self, output: Tensor) -> Tensor:
        """Mean of the levels over 255: s (softplus(μ / s) − softplus((μ − 1) / s)).

        That is the mean of the density clipped to [0, 1]; the sum over the levels is its midpoint rule, and differs by
        under h²/(6 s), at most h.
        """
        scale = bounded_log_scale(self.raw).exp()
        clipped: Tensor = functional.softplus(output / scale) - functional.softplus((output - 1) / scale)
        return (scale * clipped).clamp(0, 1)  # which rounding may leave by a digit
