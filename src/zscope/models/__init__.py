"""Models: the autoencoder as a composition of encoder, code head, decoder, likelihood and regulariser."""

from zscope.models.autoencoder import Autoencoder, Losses
from zscope.models.config import Layer, ModelConfig, beta_of
from zscope.models.corruptions import CORRUPTIONS, Corruption
from zscope.models.iwae import iwae_bound
from zscope.models.likelihoods import LIKELIHOODS, Likelihood
from zscope.models.posterior import Posterior
from zscope.models.presets import PRESETS, Preset, preset
from zscope.models.priors import PRIORS, PriorChoice
from zscope.models.regularisers import REGULARISERS, Regulariser
from zscope.models.schedules import SCHEDULES, Schedule

__all__ = [
    "CORRUPTIONS",
    "LIKELIHOODS",
    "PRESETS",
    "PRIORS",
    "REGULARISERS",
    "SCHEDULES",
    "Autoencoder",
    "Corruption",
    "Layer",
    "Likelihood",
    "Losses",
    "ModelConfig",
    "Posterior",
    "Preset",
    "PriorChoice",
    "Regulariser",
    "Schedule",
    "beta_of",
    "iwae_bound",
    "preset",
]
