"""The aggregate posterior: codes of the data themselves, with the noise that their encoder gives them."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from zscope.clouds.base import Cloud
from zscope.typing import CodeArray


class PosteriorCloud(Cloud):
    """z = m_i + exp(l_i / 2) ε: a random code's mean m and log-variance l, ε ~ N(0, I).

    Keeps everything: it is the aggregate posterior, and what it decodes to is the best that this decoder can do. It
    draws no new images, only those of the data set with noise. Fitted without log-variances, as of a plain autoencoder,
    it gives the codes themselves.

    Attributes
    ----------
    codes_ : ndarray of shape (N, d), float32
        m.
    sd_ : ndarray of shape (M, d), float32
        exp(l / 2); M is N, or 0 where no log-variances were given.
    """

    name: ClassVar[str] = "posterior"
    keeps: ClassVar[str] = "everything: codes of the data, with their posterior's noise where it is known"
    learnt: ClassVar[Mapping[str, str]] = {"codes_": "N d", "sd_": "M d"}

    codes_: CodeArray
    sd_: CodeArray

    @property
    def label(self) -> str:
        """The cloud in words; once fitted, it says whether there is noise."""
        if not hasattr(self, "sd_"):
            return "codes of the data"
        return "codes of the data, with their noise" if len(self.sd_) else "codes of the data, without noise"

    def _fit(self, codes: NDArray[Any]) -> None:
        self.codes_ = np.array(codes, dtype=np.float32, order="C")
        self.sd_ = np.empty((0, codes.shape[1]), dtype=np.float32)

    def _fit_posteriors(self, codes: NDArray[Any], logvar: NDArray[Any]) -> None:
        self._fit(codes)
        self.sd_ = np.exp(0.5 * np.array(logvar, dtype=np.float32, order="C"))

    def _draw(self, n: int, rng: np.random.Generator) -> CodeArray:
        chosen = rng.integers(0, len(self.codes_), n)
        drawn = self.codes_[chosen]
        if len(self.sd_):
            drawn += self.sd_[chosen] * rng.standard_normal(drawn.shape, dtype=np.float32)
        return drawn
