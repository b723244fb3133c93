"""Convolution, bias and LeakyReLU in one pass over memory, where nothing has to be learnt: for encoding on a processor.

oneDNN, which PyTorch's convolutions run on, can apply bias and activation while an output is still in the cache; eager
PyTorch writes it, reads and writes it for the bias, and again for the activation, which takes longer than the
convolution itself. The operator is the one that PyTorch's own compiler puts there. It computes the same sums in the
same order: in float32 the features are equal bit by bit.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from zscope.models.layers import SameConv2d


def fuses(x: Tensor) -> bool:
    """Whether convolutions of these images can be fused: on a processor, by oneDNN, and without gradients.

    Parameters
    ----------
    x : Tensor
        Images or features.
    """
    return (
        x.device.type == "cpu"
        and not torch.is_grad_enabled()
        and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
        and hasattr(torch.ops.mkldnn, "_convolution_pointwise")
    )


def fused_features(network: nn.Sequential, x: Tensor) -> Tensor:
    """Run a network; each convolution that a LeakyReLU follows takes its bias and the LeakyReLU along.

    Under autocast convolutions and what stands between them are in the autocast's precision, as without fusing.

    Parameters
    ----------
    network : Sequential
        What is no such pair in it runs as it is.
    x : Tensor of shape (N, C, H, W)
        Images, where `fuses` says yes.

    Returns
    -------
    Tensor
        What the modules would give.
    """
    modules = list(network)
    place = 0
    while place < len(modules):
        module = modules[place]
        following = modules[place + 1] if place + 1 < len(modules) else None
        if isinstance(module, SameConv2d) and isinstance(following, nn.LeakyReLU):
            x = _convolved(module, following.negative_slope, x)
            place += 2
        else:
            x = module(x)
            place += 1
    return x


def _convolved(layer: SameConv2d, slope: float, x: Tensor) -> Tensor:
    lower = torch.is_autocast_enabled("cpu")
    dtype = torch.get_autocast_dtype("cpu") if lower else x.dtype
    x, weight, bias = x.to(dtype), layer.weight.to(dtype), layer.bias.to(dtype)
    if layer.pad is not None:
        x = functional.pad(x, layer.pad)
    operator: Any = torch.ops.mkldnn._convolution_pointwise
    strides = [layer.stride, layer.stride]
    found: Tensor = operator(x, weight, bias, list(layer.padding), strides, [1, 1], 1, "leaky_relu", [slope], "")
    return found
