"""Code heads: from the encoder's features to a point or to a posterior. Always in float32."""

from torch import Tensor, nn

from zscope.models.config import ModelConfig
from zscope.models.layers import Linear
from zscope.models.posterior import Posterior


class PointHead(nn.Module):
    """Features (N, F) → codes (N, d) of an AE."""

    def __init__(self, features: int, z_dim: int) -> None:
        super().__init__()
        self.mean = Linear(features, z_dim)

    def forward(self, features: Tensor) -> Posterior:
        """Return the codes as means without log-variances."""
        return Posterior(self.mean(features), None)


class GaussianHead(nn.Module):
    """Features (N, F) → means and log-variances (N, d) of a VAE's diagonal Gaussian posterior."""

    def __init__(self, features: int, z_dim: int) -> None:
        super().__init__()
        self.mean = Linear(features, z_dim)
        self.logvar = Linear(features, z_dim)

    def forward(self, features: Tensor) -> Posterior:
        """Return means and log-variances."""
        return Posterior(self.mean(features), self.logvar(features))


def code_head(config: ModelConfig, features: int) -> PointHead | GaussianHead:
    """Make the head that `config.kind` asks for."""
    return (PointHead if config.kind == "ae" else GaussianHead)(features, config.z_dim)
