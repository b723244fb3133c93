"""Aliases of arrays and shapes, and the one protocol by which long work tells how far it is.

Letters, everywhere: ``N`` points, ``d`` latent dimensions, ``H × W × C`` image height, width and channels.
"""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating[Any]]
"""Any floating-point array; the docstring says its shape."""

CodeArray = NDArray[np.float32]
"""Codes, shape (N, d), float32."""

ImageArray = NDArray[np.uint8]
"""Images, shape (N, H, W, C), uint8 in 0 … 255; C is 1 or 3."""

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
"""What a JSON file holds."""

JsonDict = dict[str, Json]


class Progress(Protocol):
    """Told how far long work is; the command line draws a bar of it."""

    def __call__(self, what: str, done: int, total: int, /, **figures: float | str) -> None:
        """Take note that `done` of `total` steps of `what` are finished."""


def silent(what: str, done: int, total: int, /, **figures: float | str) -> None:
    """Progress that nobody watches."""
