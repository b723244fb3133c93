"""The KL taken apart: mutual information, total correlation and the KL of single axes."""

import math
from typing import Literal

import torch
from torch import Tensor

from zscope.errors import ParameterError
from zscope.models.parts import Weight
from zscope.models.posterior import normal_log_density
from zscope.models.regularisers.base import Regulariser, Step


class TotalCorrelation(Regulariser):
    """The β-TCVAE: mean KL = mutual information + total correlation + dimension-wise KL, each with a weight.

    With q(z) the mixture of the posteriors of all N images, in nats per image: mutual information of image and code
    E log q(z|x) / q(z), total correlation E log q(z) / Π_j q(z_j), dimension-wise KL E Σ_j log q(z_j) / p(z_j). q(z)
    is estimated from a batch of M images, which needs N (`Autoencoder.data_size`): ``stratified`` is free of bias in
    q(z), ``weighted`` is its lower bound. A batch of the whole data set gives the mixture itself. The three weights
    multiply the model's beta. Memory: M² · d floats. Chen et al. 2018, "Isolating Sources of Disentanglement in
    Variational Autoencoders", equation 2 and appendix C, where only `total_correlation` differs from 1.

    Attributes
    ----------
    mutual_information, total_correlation, dimension_wise : float
        Factors on beta for the three terms.
    estimator : {"stratified", "weighted"}
        Minibatch stratified or weighted sampling.
    """

    name = "tc"
    formula = "a · I(x; z) + b · KL(q(z) ‖ Π q(z_j)) + c · Σ KL(q(z_j) ‖ p(z_j))"
    standard_prior = True

    mutual_information: Weight = 1.0
    total_correlation: Weight = 6.0
    dimension_wise: Weight = 1.0
    estimator: Literal["stratified", "weighted"] = "stratified"

    def penalty(self, step: Step) -> Tensor:
        """Weighted sum of the three terms of each image, shape (N,), nats."""
        first, second, third = self.parts(step)
        return self.mutual_information * first + self.total_correlation * second + self.dimension_wise * third

    def terms(self, step: Step, beta: float) -> dict[str, Tensor]:
        """Weigh each of the three terms."""
        factors = {
            "mutual-information": self.mutual_information,
            "total-correlation": self.total_correlation,
            "dimension-wise-kl": self.dimension_wise,
        }
        parts = zip(factors.items(), self.parts(step), strict=True)
        return {name: beta * factor * part.mean() for (name, factor), part in parts}

    def parts(self, step: Step) -> tuple[Tensor, Tensor, Tensor]:
        """Mutual information, total correlation and dimension-wise KL of each image, each (N,), nats, unweighted."""
        if step.data_size is None:
            raise ParameterError("data_size", "be set for the regulariser tc (model.data_size = training images)", None)
        codes, posterior = step.codes, step.posterior
        given = posterior.log_density_by_axis(codes).sum(dim=1)
        # Row i, column j: the density of the code of image i under the posterior of image j.
        pairs = normal_log_density(codes[:, None], posterior.mean[None], posterior.log_variances[None])
        weights = mixture_log_weights(len(codes), step.data_size, self.estimator).to(codes)
        whole = torch.logsumexp(pairs.sum(dim=2) + weights, dim=1)
        product = torch.logsumexp(pairs + weights[:, :, None], dim=1).sum(dim=1)
        prior = normal_log_density(codes, 0.0, torch.zeros_like(codes)).sum(dim=1)
        return given - whole, whole - product, product - prior


def mixture_log_weights(batch: int, data_size: int, estimator: str) -> Tensor:
    """Log-weights (M, M) with which row i mixes the posteriors of a batch to estimate q(z) at the code of image i.

    weighted: 1 / (N M). stratified: 1 / N for the image's own posterior, (N − M + 1) / (N (M − 1)) for one other, and
    1 / (M − 1) for the rest, a row summing to 1. A batch of all N images: 1 / N.
    """
    others = batch - 1
    if data_size <= batch:
        return torch.full((batch, batch), -math.log(batch))
    if estimator == "weighted" or not others:
        return torch.full((batch, batch), -math.log(data_size * batch))
    weights = torch.full((batch, batch), 1 / others)
    rows = torch.arange(batch)
    weights[rows, rows] = 1 / data_size
    weights[rows, (rows + 1) % batch] = (data_size - others) / (data_size * others)
    return weights.log()
