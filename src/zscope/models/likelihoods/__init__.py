"""Likelihoods p(x|z): what the decoder's output means. One list, one contract."""

from zscope.models.likelihoods.base import Likelihood
from zscope.models.likelihoods.bernoulli import Bernoulli
from zscope.models.likelihoods.continuous_bernoulli import ContinuousBernoulli
from zscope.models.likelihoods.discretised_logistic import DiscretisedLogistic
from zscope.models.likelihoods.gaussian import Gaussian
from zscope.models.likelihoods.learned_gaussian import LearnedGaussian

__all__ = ["LIKELIHOODS", "Likelihood"]

LIKELIHOODS: dict[str, type[Likelihood]] = {
    kind.name: kind for kind in (Bernoulli, ContinuousBernoulli, Gaussian, LearnedGaussian, DiscretisedLogistic)
}
"""Every likelihood by name."""
