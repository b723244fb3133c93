"""Random numbers of a whole step, of which a part takes its own rows."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

_IN_PLACE = {Tensor.normal_, Tensor.uniform_, Tensor.bernoulli_, Tensor.exponential_}
_LIKE = {torch.randn_like, torch.rand_like, torch.randint_like}


class WholeStepNoise(TorchFunctionMode):
    """A block in which noise for n images is drawn for all images of the step, and the n images' rows are taken.

    A step that is cut into parts, over processes or over accumulated batches, then has the noise that it has uncut:
    image i of the step gets the same numbers wherever it is computed.

    Parameters
    ----------
    start, images, whole : int
        Place of the part's first image in the step, images of the part, images of the step.
    """

    def __init__(self, start: int, images: int, whole: int) -> None:
        super().__init__()
        self.rows = slice(start, start + images)
        self.images = images
        self.whole = whole

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Draw for the whole step where a function draws one row an image."""
        kwargs = kwargs or {}
        if func not in _IN_PLACE and func not in _LIKE:
            return func(*args, **kwargs)
        wanted: Tensor = args[0]
        if wanted.ndim == 0 or wanted.shape[0] != self.images:
            return func(*args, **kwargs)
        # The strides of the part, so that the numbers fall on the same pixels in every memory layout.
        whole = torch.empty_strided(
            (self.whole, *wanted.shape[1:]), wanted.stride(), dtype=wanted.dtype, device=wanted.device
        )
        drawn = func(whole, *args[1:], **kwargs)[self.rows]
        return wanted.copy_(drawn) if func in _IN_PLACE else drawn


@contextmanager
def repeated(device: torch.device, *, again: bool = True) -> Iterator[None]:
    """Put the random state of processor and device back at the end of a block, so that what follows draws the same."""
    apple = torch.mps.get_rng_state() if again and device.type == "mps" else None
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else [], enabled=again):
        try:
            yield
        finally:
            if apple is not None:
                torch.mps.set_rng_state(apple)
