"""Code heads: from the encoder's features to a point or to a posterior. Always in float32."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from zscope.models.config import ModelConfig


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


class PointHead(nn.Module):
    """Features (N, F) → codes (N, d) of an AE."""

    def __init__(self, features: int, z_dim: int) -> None:
        super().__init__()
        self.mean = nn.Linear(features, z_dim)

    def forward(self, features: Tensor) -> Posterior:
        """Return the codes as means without log-variances."""
        return Posterior(self.mean(features), None)


class GaussianHead(nn.Module):
    """Features (N, F) → means and log-variances (N, d) of a VAE's diagonal Gaussian posterior."""

    def __init__(self, features: int, z_dim: int) -> None:
        super().__init__()
        self.mean = nn.Linear(features, z_dim)
        self.logvar = nn.Linear(features, z_dim)

    def forward(self, features: Tensor) -> Posterior:
        """Return means and log-variances."""
        return Posterior(self.mean(features), self.logvar(features))


def code_head(config: ModelConfig, features: int) -> PointHead | GaussianHead:
    """Make the head that `config.kind` asks for."""
    return (PointHead if config.kind == "ae" else GaussianHead)(features, config.z_dim)
