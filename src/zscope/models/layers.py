"""The layers of networks: convolutions with TensorFlow's ``same`` padding, dense layers; how they are initialised."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from zscope.models.fused import convolved, dense, fuses, lowered, transposed


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Pixels that TensorFlow's ``same`` rule adds before and after an axis.

    The output has ceil(size / stride) pixels; the padding that this needs is split in halves, and the odd pixel
    goes *after*. At stride 2 on an even axis a kernel of 3 is therefore padded by (0, 1), where PyTorch's
    ``padding=1`` means (1, 1) and looks at other pixels.

    Examples
    --------
    >>> same_padding(28, kernel=3, stride=2)
    (0, 1)
    >>> same_padding(7, kernel=3, stride=2)
    (1, 1)
    """
    total = max((math.ceil(size / stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


class _Same(nn.Module):
    """What a convolution with the ``same`` rule and its adjoint share.

    Turned by half a turn, an image whose odd pixel of padding goes after it has it before it, and so has PyTorch's
    symmetric padding where the stride leaves the last pixel of the other side out: in images and kernels that are
    turned no padding or cropping is needed, which cost as much as an activation each.
    """

    def __init__(self, shape: tuple[int, int], filters: int, kernel: int, stride: int, size: tuple[int, int]) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(filters))
        self.weight = nn.Parameter(torch.empty(*shape, kernel, kernel))
        # A stride beyond the edge is as good as the edge, and oneDNN's gradients of weights in bfloat16 are memory that
        # nobody wrote to where a row is shorter than the stride (PyTorch 2.13).
        self.kernel, self.stride, self.size = kernel, [min(stride, edge) for edge in size], size
        axes = list(zip(size, self.stride, strict=True))
        padding = [same_padding(edge, kernel, step) for edge, step in axes]
        self.before, self.after = [before for before, _ in padding], [after for _, after in padding]
        reached = all((math.ceil(edge / step) - 1) * step + kernel >= edge for edge, step in axes)
        self.turns = reached and all(
            after - before < step for (before, after), step in zip(padding, self.stride, strict=True)
        )
        default_(self.weight, self.bias)

    def add_bias(self, x: Tensor, slope: float) -> Tensor:
        """Add the bias, apart from the convolution, whose own bias gradient is slow in bfloat16; then a LeakyReLU."""
        x = x + self.bias.to(x.dtype).view(1, -1, 1, 1)
        return x if slope == 1 else functional.leaky_relu(x, slope)


class SameConv2d(_Same):
    """Convolution with TensorFlow's ``same`` padding: (N, C, H, W) → (N, C', ⌈H/stride⌉, ⌈W/stride⌉)."""

    def __init__(self, channels: int, filters: int, kernel: int, stride: int, size: tuple[int, int]) -> None:
        super().__init__((filters, channels), filters, kernel, stride, size)

    def forward(self, x: Tensor, slope: float = 1.0, *, turned: bool = False) -> Tensor:
        """Convolve; with a slope other than 1 a LeakyReLU follows. `turned`: images are, and outputs are to be."""
        if turned:
            return convolved(x, self.weight, self.bias, self.stride, self.after, slope)
        padding = self.before
        if self.before != self.after:
            x = functional.pad(x, (self.before[1], self.after[1], self.before[0], self.after[0]))
            padding = [0, 0]
        return self.add_bias(functional.conv2d(x, self.weight, stride=self.stride, padding=padding), slope)


class SameConvTranspose2d(_Same):
    """The adjoint of `SameConv2d`: (N, C', ⌈H/stride⌉, ⌈W/stride⌉) → (N, C, H, W), H × W being `size`."""

    def __init__(self, channels: int, filters: int, kernel: int, stride: int, size: tuple[int, int]) -> None:
        super().__init__((channels, filters), filters, kernel, stride, size)

    def forward(self, x: Tensor, slope: float = 1.0, *, turned: bool = False) -> Tensor:
        """Convolve the transposed way and crop what the rule had padded; a LeakyReLU and turned images as before."""
        weight = self.weight  # read once: a spectral norm computes it anew each time
        if turned:
            beyond = [after - before for before, after in zip(self.before, self.after, strict=True)]
            return transposed(x, weight, self.bias, self.stride, self.after, beyond, slope)
        axes = zip(x.shape[2:], self.stride, self.before, self.size, strict=True)
        missing = [size - ((n - 1) * step + self.kernel - 2 * before) for n, step, before, size in axes]
        # Where the stride steps over the last pixels, the image ends in pixels that no kernel reaches: 0 and the bias.
        beyond = [max(count, 0) for count in missing]
        x = functional.conv_transpose2d(x, weight, stride=self.stride, padding=self.before, output_padding=beyond)
        if min(missing) < 0:
            # Padding by less than nothing crops in one copy; two slices would cost four in the backward pass.
            x = functional.pad(x, (0, min(missing[1], 0), 0, min(missing[0], 0)))
        return self.add_bias(x, slope)


class Linear(nn.Linear):
    """A dense layer (N, F) → (N, F')."""

    def forward(self, x: Tensor) -> Tensor:
        """Multiply and add the bias; under autocast in its precision."""
        if fuses(x) and x.dtype == torch.float32 and x.ndim == 2 and not torch.is_autocast_enabled("cpu"):
            return dense(x, self.weight, self.bias)
        return super().forward(x)


class Layers(nn.Sequential):
    """Modules one after the other, on a processor in few passes over memory.

    A LeakyReLU that follows a convolution is left to the convolution. Where all convolutions can, they see images
    turned by half a turn, kernels too, and their outputs are turned back: the sums are the same.
    """

    def __init__(self, *modules: nn.Module) -> None:
        super().__init__(*modules)
        self.turns = all(module.turns for module in self.modules() if isinstance(module, _Same))

    def forward(self, x: Tensor, *, turned: bool = False) -> Tensor:
        """Run all modules. `turned`: features are, and outputs are to be."""
        fused, now = self.turns and fuses(x) and not self._hooked(), turned
        modules = list(self)
        while modules:
            module = modules.pop(0)
            if isinstance(module, _Same | Residual):
                if fused and not now:
                    x, now = lowered(x).flip(2, 3), True
                if isinstance(module, _Same) and modules and _absorbed(module, modules[0]):
                    x = module(x, modules.pop(0).negative_slope, turned=now)
                else:
                    x = module(x, turned=now)
                continue
            if isinstance(module, nn.Flatten) and now != turned:
                x, now = x.flip(2, 3), turned
            x = module(x)
        return x if now == turned else x.flip(2, 3)

    def _hooked(self) -> bool:
        """Whether somebody looks at a convolution, who is to see images the right way up."""
        layers = (module for module in self.modules() if isinstance(module, _Same))
        return any(layer._forward_hooks or layer._forward_pre_hooks for layer in layers)


def _absorbed(convolution: nn.Module, following: nn.Module) -> bool:
    """Whether a module is a LeakyReLU that a convolution can apply: nobody hooked on to either to see what it gives."""
    hooks = (convolution._forward_hooks, following._forward_hooks, following._forward_pre_hooks)
    return isinstance(following, nn.LeakyReLU) and not any(hooks)


class Residual(nn.Module):
    """x + branch(x), shapes (N, C, H, W) kept."""

    def __init__(self, branch: Layers) -> None:
        super().__init__()
        self.branch = branch

    def forward(self, x: Tensor, *, turned: bool = False) -> Tensor:
        """Add the branch to its input."""
        residual: Tensor = self.branch(x, turned=turned)
        return x + residual


def default_(weight: Tensor, bias: Tensor) -> None:
    """PyTorch's own initialisation of a convolution: weights and bias uniform within ±1/√fan_in."""
    nn.init.kaiming_uniform_(weight, a=math.sqrt(5))
    bound = 1 / math.sqrt(nn.init._calculate_fan_in_and_fan_out(weight)[0])
    nn.init.uniform_(bias, -bound, bound)


def glorot_(module: nn.Module) -> None:
    """Glorot-uniform weights and zero biases, as Keras initialises its layers.

    Weights are uniform within ±√(6 / (fan_in + fan_out)) (Glorot & Bengio 2010, "Understanding the difficulty of
    training deep feedforward neural networks"); a kernel's receptive field multiplies both fans.
    """
    for layer in module.modules():
        if isinstance(layer, SameConv2d | SameConvTranspose2d | nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
