"""Models: the autoencoder as a composition of encoder, code head, decoder, likelihood and regulariser."""

from zscope.models.autoencoder import Autoencoder, Losses
from zscope.models.config import Layer, ModelConfig, beta_of
from zscope.models.heads import Posterior
from zscope.models.likelihoods import LIKELIHOODS, Likelihood
from zscope.models.presets import PRESETS, Preset, preset
from zscope.models.regularisers import REGULARISERS, Regulariser

__all__ = [
    "LIKELIHOODS",
    "PRESETS",
    "REGULARISERS",
    "Autoencoder",
    "Layer",
    "Likelihood",
    "Losses",
    "ModelConfig",
    "Posterior",
    "Preset",
    "Regulariser",
    "beta_of",
    "preset",
]
