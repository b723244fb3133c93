"""The uniform cloud: a box around the origin."""

import math
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from zscope.clouds.base import Cloud
from zscope.errors import ParameterError


class UniformCloud(Cloud):
    """Every component uniform in [−b, b], independent of the others.

    In d dimensions its radius is near b·sqrt(d/3): 13.86 ± 0.39 for b = 1.5 and d = 256.

    Parameters
    ----------
    half_width : float
        b, in latent units; above 0 and finite.
    """

    name: ClassVar[str] = "uniform"
    keeps: ClassVar[str] = "nothing but the number of dimensions"

    def __init__(self, half_width: float = 2.0) -> None:
        self.half_width = half_width

    @property
    def label(self) -> str:
        """The cloud in words."""
        return f"uniform in [−{self.half_width:g}, {self.half_width:g}]"

    @property
    def spec(self) -> str:
        """The text that makes this cloud again."""
        return f"{self.name}:{self.half_width!r}".removesuffix(".0")

    @classmethod
    def from_figure(cls, figure: str) -> "UniformCloud":
        """Make the cloud from its half width.

        Parameters
        ----------
        figure : str
            A positive number.

        Returns
        -------
        UniformCloud
            Not yet fitted.

        Raises
        ------
        ParameterError
            If it is no positive finite number.
        """
        try:
            half_width = float(figure)
        except ValueError:
            raise ParameterError("half width of the uniform cloud", "be a number", figure) from None
        _check_half_width(half_width)
        return cls(half_width)

    def _fit(self, codes: object) -> None:  # noqa: ARG002 - it learns nothing from them
        _check_half_width(self.half_width)

    def _draw(self, n: int, rng: np.random.Generator) -> NDArray[np.float64]:
        return rng.uniform(-self.half_width, self.half_width, (n, self.dimension_))


def _check_half_width(half_width: float) -> None:
    if not (math.isfinite(half_width) and half_width > 0):
        raise ParameterError("half width of the uniform cloud", "be above 0 and finite", half_width)
