"""A user's own encoder and decoder: tried on one image before anything is trained."""

import torch
from torch import Tensor, nn

from zscope.errors import ParameterError
from zscope.models.config import ModelConfig


def features_of(encoder: nn.Module, config: ModelConfig) -> int:
    """Count the features of a user's encoder, by one image of zeros.

    Raises
    ------
    ParameterError
        The encoder does not take an image, or does not give features of shape (1, F).
    """
    height, width, channels = config.shape
    features = _tried("encoder", encoder, torch.zeros(1, channels, height, width), config)
    if features.ndim != 2 or len(features) != 1:
        raise ParameterError(
            "encoder", f"make features (N, F) of images (N, {channels}, {height}, {width})", tuple(features.shape)
        )
    return features.shape[1]


def check_decoder(decoder: nn.Module, config: ModelConfig) -> None:
    """Refuse a decoder that makes something else than images of the model's shape, by one code of zeros.

    Raises
    ------
    ParameterError
        The decoder does not take a code, or gives another shape.
    """
    height, width, channels = config.shape
    output = _tried("decoder", decoder, torch.zeros(1, config.z_dim), config)
    if tuple(output.shape) != (1, channels, height, width):
        raise ParameterError(
            "decoder",
            f"make images (N, {channels}, {height}, {width}) of codes (N, {config.z_dim})",
            f"{tuple(output.shape)} of one code",
        )


def _tried(name: str, module: nn.Module, given: Tensor, config: ModelConfig) -> Tensor:
    """Output of a module in evaluation mode, in which batch normalisation takes a batch of one."""
    parameter = next(module.parameters(), given)
    was_training = module.training
    try:
        with torch.no_grad():
            output = module.eval()(given.to(parameter.device))
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        must = f"take a tensor {tuple(given.shape)} (shape {config.shape}, z_dim {config.z_dim})"
        raise ParameterError(name, must, str(error).splitlines()[0] if str(error) else repr(error)) from error
    finally:
        module.train(was_training)
    if not isinstance(output, Tensor):
        raise ParameterError(name, "return a tensor", type(output).__name__)
    return output
