"""Gaussian pixels with one learned standard deviation: the σ-VAE."""

import math

from torch import Tensor

from zscope.models.likelihoods.base import FIRST_SCALE, Likelihood, bounded_log_scale, learned_log_scale


class LearnedGaussian(Likelihood):
    """Pixels with Gaussian noise of one standard deviation σ that is learned with the network: the σ-VAE.

    Its optimum is the root mean square error of the reconstruction, which balances the KL without a weight to choose.
    Rybkin et al. 2021, "Simple and Effective VAE Training with Calibrated Decoders". σ is a parameter, not the batch's
    own optimum (their other variant): so an image has the same likelihood whatever batch it comes in, in evaluation, in
    the IWAE bound, and when a batch is split over steps or processes. log σ is bounded below at −6, as in the paper.
    """

    name = "learned-gaussian"
    formula = "Σ (x − output)² / 2σ² + log(2π σ²) / 2, σ learned"
    bounded = False

    def __init__(self, channels: int = 1, sigma: float = 1.0) -> None:
        super().__init__(channels, sigma)
        self.raw = learned_log_scale(FIRST_SCALE)

    @property
    def sigma(self) -> float:
        """The present standard deviation, grey levels of 0 … 1."""
        return math.exp(float(bounded_log_scale(self.raw.detach())))

    def negative_log(self, output: Tensor, images: Tensor) -> Tensor:
        """Weighted squared error and the log-normaliser in nats, summed over each image."""
        log_sigma, pixels = bounded_log_scale(self.raw), math.prod(images.shape[1:])
        half = 0.5 * (-2 * log_sigma).exp()
        constant = pixels * (log_sigma + 0.5 * math.log(2 * math.pi))
        return half * (images - output).square().sum(dim=(1, 2, 3)) + constant

    def mean(self, output: Tensor) -> Tensor:
        """Clip the output to [0, 1]."""
        return output.clamp(0, 1)
