"""The Bernoulli's form as a density of grey levels."""

import torch
from torch import Tensor
from torch.nn import functional

from zscope.models.likelihoods.base import Likelihood

NEAR = 0.1
"""|η| / 2 under which series are used: their first omitted terms are below 1e-8 there."""


class ContinuousBernoulli(Likelihood):
    """Density p(x) = C(p) pˣ (1 − p)¹⁻ˣ on [0, 1], p = sigmoid(η): the Bernoulli with the constant that it lacks.

    In the logit η the normaliser is ∫ exp(η x) dx = (exp(η) − 1) / η, so that −log p(x) = −η x + η / 2 +
    log(sinh(η / 2) / (η / 2)). Near p = ½, where this is 0 / 0, the Taylor series is taken. The nats are those of a
    density and may be negative. Loaiza-Ganem & Cunningham 2019, "The continuous Bernoulli: fixing a pervasive error in
    variational autoencoders".
    """

    name = "continuous-bernoulli"
    formula = "Σ −η x + log((exp(η) − 1) / η), η = output"

    def negative_log(self, output: Tensor, images: Tensor) -> Tensor:
        """Negative log-density in nats, summed over each image."""
        return ((0.5 - images) * output + log_sinhc(0.5 * output)).sum(dim=(1, 2, 3))

    def mean(self, output: Tensor) -> Tensor:
        """Mean of the density, ½ + ½ (coth(η / 2) − 2 / η); it is not the sigmoid."""
        half = 0.5 * output
        near = half.abs() < NEAR
        safe = torch.where(near, torch.ones_like(half), half)
        far = 1 / torch.tanh(safe) - 1 / safe
        square = half.square()
        return 0.5 + 0.5 * torch.where(near, half * (1 / 3 - square / 45 + 2 * square.square() / 945), far)


def log_sinhc(u: Tensor) -> Tensor:
    """log(sinh(u) / u) of each element, stable near 0 and far from it.

    Far: |u| + log(1 − exp(−2 |u|)) − log(2 |u|). Near: u² / 6 − u⁴ / 180 + u⁶ / 2835.
    """
    size = u.abs()
    near = size < NEAR
    # The branch that is not taken must have a finite slope all the same.
    safe = torch.where(near, torch.ones_like(size), size)
    far = safe + torch.log1p(-torch.exp(-2 * safe)) - torch.log(2 * safe)
    square = functional.hardtanh(u, -NEAR, NEAR).square()
    return torch.where(near, square * (1 / 6 - square / 180 + square.square() / 2835), far)
