"""Maximum mean discrepancy between the codes and the prior."""

import torch
from torch import Tensor

from zscope.models.parts import Weight
from zscope.models.regularisers.base import AddedRegulariser, Step

SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


class MaximumMeanDiscrepancy(AddedRegulariser):
    """MMD² of the codes and as many draws from the prior: the WAE-MMD, or with beta and a VAE the InfoVAE.

    E k(z, z') + E k(p, p') − 2 E k(z, p) with the inverse multiquadratic kernel k(x, y) = Σ_s C_s / (C_s + ‖x − y‖²),
    C_s = 2 d s, s = 0.1 … 10, estimated without bias by the U-statistic over unequal pairs: it is 0 in the mean, and
    may be negative, where the codes follow the prior. Dimensionless; the weight gives it nats per image. A batch of one
    image has no pair and is counted as 0. Tolstikhin et al. 2018, "Wasserstein Auto-Encoders", algorithm 2 and
    section 4; Zhao et al. 2017, "InfoVAE".

    Attributes
    ----------
    weight : float
        λ in nats per image.
    """

    name = "mmd"
    formula = "E k(z, z') + E k(p, p') − 2 E k(z, p), k(x, y) = Σ C / (C + ‖x − y‖²)"

    weight: Weight = 10.0

    def penalty(self, step: Step) -> Tensor:
        """Each image's share of the U-statistic, shape (N,); their mean is the estimate."""
        return discrepancy(step.codes, step.prior.draw(len(step.codes)))


def discrepancy(codes: Tensor, drawn: Tensor) -> Tensor:
    """Shares (N,) of the unbiased MMD² of two samples (N, d), whose mean is the estimate."""
    if len(codes) == 1:
        return 0.0 * codes.sum(dim=1)
    others = len(codes) - 1
    return (_off_diagonal(codes) + _off_diagonal(drawn)) / others - 2 * kernel(codes, drawn).mean(dim=1)


def _off_diagonal(sample: Tensor) -> Tensor:
    """Sum over j ≠ i of k(x_i, x_j), shape (N,); the kernel of a point with itself is the number of scales."""
    return kernel(sample, sample).sum(dim=1) - len(SCALES)


def kernel(first: Tensor, second: Tensor) -> Tensor:
    """Sum of inverse multiquadratic kernels of all pairs, (N, d), (M, d) → (N, M)."""
    # Distances from differences of squares would be short of digits for near pairs, and a root has no slope at 0.
    squared = (first[:, None] - second[None]).square().sum(dim=2)
    scales = [2 * first.shape[1] * scale for scale in SCALES]
    return torch.stack([scale / (scale + squared) for scale in scales]).sum(dim=0)
