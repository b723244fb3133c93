"""Gaussian pixels with a fixed standard deviation."""

import math

from torch import Tensor

from zscope.models.likelihoods.base import Likelihood


class Gaussian(Likelihood):
    """Pixels with Gaussian noise of a fixed standard deviation σ, by default 1: the squared error and its constant.

    σ and beta are one choice: dividing σ² by a factor divides the weight of the KL by it. Nats of a density; images
    outside [0, 1] have one too.
    """

    name = "gaussian"
    formula = "Σ (x − output)² / 2σ² + log(2π σ²) / 2"
    bounded = False

    def __init__(self, channels: int = 1, sigma: float = 1.0) -> None:
        super().__init__(channels, sigma)
        self.sigma = sigma

    def negative_log(self, output: Tensor, images: Tensor) -> Tensor:
        """Squared error over 2σ² in nats, summed over each image, with the Gaussian's constant."""
        pixels = math.prod(images.shape[1:])
        constant = 0.5 * pixels * math.log(2 * math.pi * self.sigma**2)
        return 0.5 / self.sigma**2 * (images - output).square().sum(dim=(1, 2, 3)) + constant

    def mean(self, output: Tensor) -> Tensor:
        """Clip the output to [0, 1]."""
        return output.clamp(0, 1)
