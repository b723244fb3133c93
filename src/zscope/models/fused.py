"""Convolutions with bias and LeakyReLU, and dense layers, in few passes over memory: for a processor.

Most of a small network's step on a processor is not arithmetic but reading and writing features. oneDNN, which
PyTorch's convolutions run on, can apply bias and activation while an output is still in the cache; the operators are
those that PyTorch's own compiler puts there. Its transposed convolutions are slow with either, so that these get bias
and activation in two passes, where single modules take three. Biases get their gradients by plain sums: a convolution's
own bias gradient is the slowest part of its backward pass in bfloat16. All sums are those of the modules; in float32
features differ by rounding at most.

Padding is the same on both sides of an axis, as oneDNN is told to by PyTorch; see `zscope.models.layers.Layers` for
how other padding is brought to it: images and outputs are turned by half a turn, and kernels are turned here.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function, forward_ad
from torch.nn import Parameter, functional

_kept: ContextVar[dict[Tensor, Tensor] | None] = ContextVar("kernels made ready", default=None)


def fuses(x: Tensor) -> bool:
    """Whether features are on a processor on which oneDNN computes in the precision that is asked for.

    Not within `torch.func` (Jacobians by columns, `vmap`) nor in forward-mode differentiation, neither of which the
    operators know, and not for no images.

    Parameters
    ----------
    x : Tensor
        Images, features or codes.
    """
    return (
        x.device.type == "cpu"
        and len(x) > 0
        and x.dtype in (torch.float32, torch.bfloat16)
        and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
        and bool(torch.backends.mkldnn.enabled)
        and hasattr(torch.ops.mkldnn, "_convolution_pointwise")
        and _computes(_precision(x))
        and torch._C._functorch.peek_interpreter_stack() is None
        and forward_ad._current_level < 0
    )


def _precision(x: Tensor) -> torch.dtype:
    """Precision in which an operator takes a tensor: that of an autocast that surrounds the call, else its own."""
    return torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else x.dtype


def _computes(dtype: torch.dtype) -> bool:
    if dtype == torch.bfloat16:
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return dtype == torch.float32


def convolved(x: Tensor, weight: Tensor, bias: Tensor, stride: list[int], padding: list[int], slope: float) -> Tensor:
    """Convolve turned features, add the bias and apply a LeakyReLU, with gradients.

    Parameters
    ----------
    x : Tensor of shape (N, C, H, W)
        Features turned by half a turn, as the outputs are, where `fuses` says yes. Under autocast they and the weights
        are brought to its precision.
    weight : Tensor of shape (C', C, k, k)
        Kernels, not turned.
    bias : Tensor of shape (C',)
        Added to the outputs.
    stride : list of two int
        Down and across.
    padding : list of two int
        Rows of zeros above and below, columns left and right.
    slope : float
        Slope of the LeakyReLU below 0, at least 0; 1 for none.
    """
    x = _prepared(x)
    kernel = _ready(weight, lambda turned: _packed(turned, stride, padding, x.shape))
    return _applied(_Convolution, x, kernel, lowered(bias), stride, padding, slope)


def transposed(
    x: Tensor, weight: Tensor, bias: Tensor, stride: list[int], padding: list[int], beyond: list[int], slope: float
) -> Tensor:
    """Convolve turned features the transposed way, add the bias and apply a LeakyReLU, with gradients.

    Parameters
    ----------
    x : Tensor of shape (N, C, H, W)
        Features turned by half a turn, as the outputs are, where `fuses` says yes. Under autocast they and the weights
        are brought to its precision.
    weight : Tensor of shape (C, C', k, k)
        Kernels, not turned.
    bias : Tensor of shape (C',)
        Added to the outputs.
    stride : list of two int
        Down and across.
    padding, beyond : list of two int
        Rows and columns left out on all sides, and added after the last.
    slope : float
        Slope of the LeakyReLU below 0, at least 0; 1 for none.
    """
    return _applied(_Transposed, _prepared(x), _ready(weight), lowered(bias), stride, padding, beyond, slope)


def dense(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Multiply (N, F) by the transposed of (F', F) and add the bias (F',), in float32 and with gradients.

    By oneDNN, which needs less than half of the time of the BLAS that PyTorch ships with on processors of some makers.
    """
    return _applied(_Dense, x, weight, bias)


def lowered(x: Tensor) -> Tensor:
    """Bring a tensor to the precision of an autocast that surrounds the call."""
    return x.to(_precision(x))


@contextmanager
def kept_kernels() -> Iterator[None]:
    """Make each kernel ready once for the length of a block, in which weights and precision stay what they are.

    With gradients nothing is kept.
    """
    token = _kept.set({})
    try:
        yield
    finally:
        _kept.reset(token)


def _ready(weight: Tensor, packed: Callable[[Tensor], Tensor] = lambda turned: turned) -> Tensor:
    """Turn kernels (…, k, k) by half a turn, in the precision of an autocast; where they are kept, packed."""
    # A spectral norm computes its weights anew each time: those are no parameters, and are not kept.
    kept = _kept.get() if isinstance(weight, Parameter) and not torch.is_grad_enabled() else None
    if kept is None:
        return lowered(weight).flip(2, 3)
    if weight not in kept:
        kept[weight] = packed(lowered(weight).flip(2, 3))
    return kept[weight]


def _packed(kernel: Tensor, stride: list[int], padding: list[int], shape: torch.Size) -> Tensor:
    """Bring kernels to the layout that oneDNN takes for such features, and would else bring them to in each call."""
    packed: Tensor = torch.ops.mkldnn._reorder_convolution_weight(kernel, padding, stride, [1, 1], 1, list(shape))
    return packed


def _prepared(x: Tensor) -> Tensor:
    return lowered(x).contiguous(memory_format=torch.channels_last)


def _applied(function: type[Function], *given: Any) -> Tensor:
    if torch.is_grad_enabled():
        found: Tensor = function.apply(*given)  # type: ignore[no-untyped-call]
        return found
    computed: Tensor = function.forward(_NOTHING_KEPT, *given)  # apply costs 2 % of an encoding
    return computed


class _NothingKept:
    """What a forward pass writes down where there is no backward pass."""

    def __setattr__(self, name: str, value: object) -> None: ...

    def save_for_backward(self, *tensors: Tensor | None) -> None: ...


_NOTHING_KEPT = _NothingKept()


class _Convolution(Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, stride: list[int], padding: list[int], slope: float
    ) -> Tensor:
        activation = ("none", []) if slope == 1 else ("leaky_relu", [slope])
        operator: Any = torch.ops.mkldnn._convolution_pointwise
        y: Tensor = operator(x, weight, bias, padding, stride, [1, 1], 1, *activation, "")
        ctx.how = stride, padding, [1, 1], False, [0, 0], 1
        ctx.slope = slope
        ctx.save_for_backward(x, weight, None if slope == 1 else y)
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        return *_slopes(ctx, gradients[0]), None, None, None


class _Transposed(Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor,
        stride: list[int],
        padding: list[int],
        beyond: list[int],
        slope: float,
    ) -> Tensor:
        y = torch.conv_transpose2d(x, weight, None, stride, padding, beyond)
        y = y.contiguous(memory_format=torch.channels_last)  # of single pixels or channels the layout is not settled
        # All pixels of a row at once: with few channels a bias that is spread by broadcasting takes ten times as long.
        rows = y.permute(0, 2, 3, 1)
        rows.view(*rows.shape[:2], -1).add_(bias.repeat(y.shape[3]))
        if slope != 1:
            functional.leaky_relu_(y, slope)
        ctx.how = stride, padding, [1, 1], True, beyond, 1
        ctx.slope = slope
        ctx.save_for_backward(x, weight, None if slope == 1 else y)
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        return *_slopes(ctx, gradients[0]), None, None, None, None


def _slopes(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """Gradients of features, weights and bias from that of the outputs."""
    x, weight, y = ctx.saved_tensors
    gradient = gradient.contiguous(memory_format=torch.channels_last)  # mixed layouts take three times as long
    if ctx.slope != 1:
        gradient = torch.ops.aten.leaky_relu_backward(gradient, y, ctx.slope, True)
    wanted = [*ctx.needs_input_grad[:2], False]
    back, weights, _ = torch.ops.aten.convolution_backward(gradient, x, weight, None, *ctx.how, wanted)
    return back, weights, gradient.sum((0, 2, 3)) if ctx.needs_input_grad[2] else None


class _Dense(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return _product(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        (gradient,) = gradients
        # oneDNN's product has no gradient of its own, which a penalty on gradients needs.
        product = functional.linear if torch.is_grad_enabled() else _product
        back = product(gradient, weight.t(), None) if ctx.needs_input_grad[0] else None
        weights = product(gradient.t(), x.t(), None) if ctx.needs_input_grad[1] else None
        return back, weights, gradient.sum(0) if ctx.needs_input_grad[2] else None


def _product(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    operator: Any = torch.ops.mkldnn._linear_pointwise
    found: Tensor = operator(x, weight, bias, "none", [], "")
    return found
