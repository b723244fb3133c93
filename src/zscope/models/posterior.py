"""What an encoder says of images: points, or diagonal Gaussians."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Posterior:
    """What an encoder says of a batch of images.

    Attributes
    ----------
    mean : Tensor of shape (N, d)
        Posterior means; an AE's codes.
    logvar : Tensor of shape (N, d) or None
        Log-variances of q(z|x); None for an AE.
    """

    mean: Tensor
    logvar: Tensor | None

    @property
    def log_variances(self) -> Tensor:
        """The log-variances, (N, d); a point posterior has none and is refused by type."""
        if self.logvar is None:
            raise TypeError("a point posterior has no density and no finite KL; an AE takes the regulariser 'none'")
        return self.logvar

    def draw(self, *, eps_clip: float | None, eps_factor: float, generator: torch.Generator | None = None) -> Tensor:
        """Draw z = mean + exp(logvar / 2) · eps · eps_factor with eps ~ N(0, 1), clipped to |eps| ≤ `eps_clip`.

        An AE has no noise: its draw is its mean.
        """
        if self.logvar is None:
            return self.mean
        eps = torch.empty_like(self.mean).normal_(generator=generator)
        if eps_clip is not None:
            eps = eps.clamp_(-eps_clip, eps_clip)
        return self.mean + (0.5 * self.logvar).exp() * eps * eps_factor

    def kl_by_axis(self) -> Tensor:
        """KL(q(z_j|x) ‖ N(0, 1)) = ½ (μ² + σ² − 1 − log σ²) of each axis, shape (N, d), nats.

        Kingma & Welling 2013, "Auto-Encoding Variational Bayes", appendix B.
        """
        logvar = self.log_variances
        return 0.5 * (self.mean.square() + logvar.exp() - 1 - logvar)

    def log_density_by_axis(self, codes: Tensor) -> Tensor:
        """Log q(z_j|x) of codes under the posteriors, nats; shapes (…, d) are broadcast."""
        logvar = self.log_variances
        return normal_log_density(codes, self.mean, logvar)


def normal_log_density(values: Tensor, mean: Tensor | float, logvar: Tensor) -> Tensor:
    """Log N(value; μ, σ²) = −½ ((value − μ)² / σ² + log σ² + log 2π) of each element, nats."""
    return -0.5 * ((values - mean).square() * (-logvar).exp() + logvar + math.log(2 * math.pi))
