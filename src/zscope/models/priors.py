"""Priors p(z) of the codes. One list, one contract."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Annotated

import annotated_types as at
import torch
from torch import Tensor, nn

from zscope.models.parts import Part
from zscope.models.posterior import Posterior, normal_log_density


class Prior(nn.Module, ABC):
    """A distribution of codes, all values float32 and in nats."""

    @abstractmethod
    def log_density(self, codes: Tensor) -> Tensor:
        """Log p(z) of codes (N, d), shape (N,), nats."""

    @abstractmethod
    def divergence(self, posterior: Posterior, codes: Tensor) -> Tensor:
        """KL(q(z|x) ‖ p(z)) of each image, shape (N,), nats.

        Parameters
        ----------
        posterior : Posterior
            Posteriors of N images.
        codes : Tensor of shape (N, d)
            One draw from each, for priors without a closed form.
        """

    @abstractmethod
    def draw(self, n: int) -> Tensor:
        """Draw codes, shape (n, d)."""

    @abstractmethod
    def components(self) -> Posterior:
        """Means and log-variances (K, d) of the Gaussians of equal weight that it is a mixture of."""


class PriorChoice(Part, ABC):
    """A prior as data."""

    @abstractmethod
    def build(self, shape: tuple[int, int, int], z_dim: int, encode: Callable[[Tensor], Posterior]) -> Prior:
        """Make the prior.

        Parameters
        ----------
        shape : (int, int, int)
            Height, width and channels of the images.
        z_dim : int
            Latent dimensions.
        encode : callable
            The model's encoder, images (K, C, H, W) → posteriors.
        """


class StandardNormal(PriorChoice):
    """N(0, I)."""

    name = "normal"
    formula = "N(0, I)"

    def build(self, shape: tuple[int, int, int], z_dim: int, encode: Callable[[Tensor], Posterior]) -> Prior:  # noqa: ARG002
        """Make the prior; it has no parameters."""
        return StandardNormalPrior(z_dim)


class Vamp(PriorChoice):
    """The mixture of the posteriors of learned pseudo-inputs (Tomczak & Welling 2018, "VAE with a VampPrior").

    Attributes
    ----------
    inputs : int
        Pseudo-inputs K; a step encodes them all. The paper has 500.
    """

    name = "vamp"
    formula = "1 / K Σ_k q(z|u_k), u_k learned images; KL by one draw: log q(z|x) − log p(z)"

    inputs: Annotated[int, at.Ge(1)] = 100

    def build(self, shape: tuple[int, int, int], z_dim: int, encode: Callable[[Tensor], Posterior]) -> Prior:  # noqa: ARG002
        """Make the prior, its pseudo-inputs near grey."""
        return VampPrior(self.inputs, shape, encode)


class StandardNormalPrior(Prior):
    """N(0, I); the KL in closed form."""

    def __init__(self, z_dim: int) -> None:
        super().__init__()
        self.z_dim = z_dim
        # Where and in which precision codes are drawn; not part of the state, so that old models stay readable.
        self.register_buffer("anchor", torch.zeros(()), persistent=False)
        self.anchor: Tensor

    def log_density(self, codes: Tensor) -> Tensor:
        """Log N(z; 0, I), shape (N,), nats."""
        return normal_log_density(codes, 0.0, torch.zeros_like(codes)).sum(dim=1)

    def divergence(self, posterior: Posterior, codes: Tensor) -> Tensor:  # noqa: ARG002
        """KL in closed form, shape (N,), nats."""
        return posterior.kl_by_axis().sum(dim=1)

    def draw(self, n: int) -> Tensor:
        """Draw standard normal codes, shape (n, d)."""
        return torch.randn(n, self.z_dim, device=self.anchor.device)

    def components(self) -> Posterior:
        """One: mean 0, log-variance 0, tensors of shape (1, d)."""
        zero = torch.zeros(1, self.z_dim, device=self.anchor.device)
        return Posterior(zero, zero.clone())


class VampPrior(Prior):
    """The mixture of the posteriors of K learned images.

    Attributes
    ----------
    pseudo_inputs : Parameter of shape (K, C, H, W)
        Taken into [0, 1] before they are encoded.
    """

    def __init__(self, inputs: int, shape: tuple[int, int, int], encode: Callable[[Tensor], Posterior]) -> None:
        super().__init__()
        height, width, channels = shape
        self.pseudo_inputs = nn.Parameter(torch.empty(inputs, channels, height, width).normal_(0.5, 0.1))
        self._encode = encode

    def components(self) -> Posterior:
        """Posteriors of the pseudo-inputs, tensors of shape (K, d)."""
        return self._encode(self.pseudo_inputs.clamp(0, 1))

    def log_density(self, codes: Tensor) -> Tensor:
        """Log-density of the mixture, shape (N,), nats. Memory: N · K · d floats."""
        mixture = self.components()
        pairs = normal_log_density(codes[:, None], mixture.mean[None], mixture.log_variances[None]).sum(dim=2)
        return torch.logsumexp(pairs, dim=1) - math.log(pairs.shape[1])

    def divergence(self, posterior: Posterior, codes: Tensor) -> Tensor:
        """Log q(z|x) − log p(z) of one draw, shape (N,), nats; single values may be negative."""
        return posterior.log_density_by_axis(codes).sum(dim=1) - self.log_density(codes)

    def draw(self, n: int) -> Tensor:
        """Draw from components of equal weight, shape (n, d)."""
        mixture = self.components()
        rows = torch.randint(len(mixture.mean), (n,), device=mixture.mean.device)
        chosen = Posterior(mixture.mean[rows], mixture.log_variances[rows])
        return chosen.draw(eps_clip=None, eps_factor=1.0)


PRIORS: dict[str, PriorChoice] = {item.name: item for item in (StandardNormal(), Vamp())}
"""Every prior by name, with its default options."""
