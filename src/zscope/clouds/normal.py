"""The standard normal cloud: the prior of a usual variational autoencoder."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from zscope.clouds.base import Cloud


class NormalCloud(Cloud):
    """z ~ N(0, I), in as many dimensions as the codes have.

    Keeps nothing of the codes: as a null it is the prior that the codes of a variational autoencoder should follow.
    """

    name: ClassVar[str] = "normal"
    keeps: ClassVar[str] = "nothing but the number of dimensions"

    @property
    def label(self) -> str:
        """The cloud in words."""
        return "N(0, I)"

    def _draw(self, n: int, rng: np.random.Generator) -> NDArray[np.float32]:
        return rng.standard_normal((n, self.dimension_), dtype=np.float32)
