"""Between arrays, files and tensors: images, pictures, and the state of modules."""

import json
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from zscope.errors import FormatError, ParameterError
from zscope.typing import FloatArray, ImageArray


def as_tensor(images: ImageArray | Tensor, device: torch.device | str) -> Tensor:
    """Images as the networks take them: float32 (N, C, H, W) in [0, 1], laid out channels last.

    Raises
    ------
    ParameterError
        A tensor or array of another type or number of axes.
    """
    if isinstance(images, Tensor):
        if images.ndim != 4 or not images.is_floating_point():
            raise ParameterError("images", "be a float tensor (N, C, H, W)", f"{images.dtype} {tuple(images.shape)}")
        return images.to(device)
    if images.ndim != 4 or images.dtype != np.uint8:
        raise ParameterError("images", "be a uint8 array (N, H, W, C)", f"{images.dtype} {images.shape}")
    # A slice of a read-only memory map is copied, since PyTorch has no tensors that cannot be written to.
    bytes_ = torch.from_numpy(np.require(images, requirements=["C", "W"])).to(device)
    # The permuted view of NHWC memory is PyTorch's channels_last layout, so no copy is made for it.
    return bytes_.permute(0, 3, 1, 2).float().div_(255)


def to_uint8(pictures: FloatArray) -> ImageArray:
    """Pictures in [0, 1] → uint8, rounded."""
    return np.rint(np.clip(pictures, 0, 1) * 255).astype(np.uint8)


def state_tensors(module: nn.Module) -> dict[str, Tensor]:
    """Give the module's state as contiguous tensors on the CPU, ready for safetensors."""
    return {name: tensor.detach().cpu().contiguous() for name, tensor in module.state_dict().items()}


def load_tensors(module: nn.Module, path: Path) -> None:
    """Load a module's state from a safetensors file, complaining in one line."""
    try:
        module.load_state_dict(load_file(path))
    except FileNotFoundError:
        raise FormatError(f"{path}: no such file") from None
    except (SafetensorError, json.JSONDecodeError) as error:
        raise FormatError(f"{path}: not a readable safetensors file ({error})") from None
    except RuntimeError as error:
        first = str(error).splitlines()[1].strip() if "\n" in str(error) else str(error)
        raise FormatError(f"{path}: weights of another model: {first}") from None
