"""A second variational autoencoder, of the codes of the first."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from zscope.clouds.base import Cloud
from zscope.clouds.moments import row_chunks
from zscope.errors import FormatError
from zscope.typing import CodeArray

_PREFIX = "decoder."

_MOST_LATENT = 64
"""Its own latent dimensions at most: those that codes do not need it leaves idle, but they take time."""


class SecondStageCloud(Cloud):
    """z = μ + s (D(u) + γ ε), u and ε ~ N(0, I): D the decoder of a small variational autoencoder fitted to codes.

    Knows the density as far as that autoencoder does. Dai & Wipf 2019, "Diagnosing and Enhancing VAE Models": codes of
    the same number of dimensions as what they fill are followed by a second autoencoder where the first one cannot.
    Both of its networks have two fully connected hidden layers, γ is learnt. Codes are standardised per axis. Given
    log-variances it learns from codes with their posterior's noise, drawn anew in every batch, otherwise from the
    codes. Training ends where a held-out tenth gains nothing more, or after 3,000 batches of 512.

    Parameters
    ----------
    seed : int
        Seed of weights, batches, noise and the held-out tenth.

    Attributes
    ----------
    mean_ : ndarray of shape (d,)
        μ.
    sd_ : ndarray of shape (d,)
        s; 0 for a constant axis.
    noise_ : float
        γ.
    held_out_ : float
        Mean evidence lower bound of the held-out tenth, standardised, in nats per code.
    steps_ : int
        Steps of training until the best weights.
    decoder_ : dict of str to ndarray
        D's weights, layer by layer: ``0.weight`` of shape (out, in), ``0.bias``, ``2.weight``, ….
    """

    name: ClassVar[str] = "second-stage"
    keeps: ClassVar[str] = "the density, as far as a second autoencoder learns it"
    least: ClassVar[int] = 20
    learnt: ClassVar[Mapping[str, str]] = {"mean_": "d", "sd_": "d", "noise_": "", "held_out_": "", "steps_": ""}

    mean_: NDArray[np.float64]
    sd_: NDArray[np.float64]
    noise_: float
    held_out_: float
    steps_: int
    decoder_: dict[str, NDArray[Any]]

    def __init__(self, *, seed: int = 0) -> None:
        self.seed = seed

    @property
    def label(self) -> str:
        """The cloud in words."""
        return "second autoencoder, of the codes"

    def _fit(self, codes: NDArray[Any]) -> None:
        self._fit_posteriors(codes, np.empty((0, codes.shape[1])))

    def _fit_posteriors(self, codes: NDArray[Any], logvar: NDArray[Any]) -> None:
        from zscope.clouds.networks import train_second_stage

        codes = np.ascontiguousarray(codes)
        noise = np.exp(0.5 * np.ascontiguousarray(logvar, dtype=np.float64))
        self.mean_ = codes.mean(axis=0, dtype=np.float64)
        variances = codes.var(axis=0, dtype=np.float64) + (np.square(noise).mean(axis=0) if len(noise) else 0.0)
        self.sd_ = np.sqrt(variances)
        per_axis = np.divide(1.0, self.sd_, out=np.zeros_like(self.sd_), where=self.sd_ > 0)
        trained = train_second_stage(
            ((codes - self.mean_) * per_axis).astype(np.float32),
            (noise * per_axis).astype(np.float32),
            min(codes.shape[1], _MOST_LATENT),
            self.seed,
        )
        self.noise_ = float(np.exp(trained.weights["log_sd"]))
        self.held_out_, self.steps_ = -trained.held_out, trained.steps
        self.decoder_ = {
            name.removeprefix(_PREFIX): array for name, array in trained.weights.items() if name.startswith(_PREFIX)
        }

    def state(self) -> dict[str, NDArray[Any]]:
        """Give all that a draw needs, as arrays: the decoder's weights are named ``decoder.…``."""
        return super().state() | {_PREFIX + name: array for name, array in self.decoder_.items()}

    def _restored(self, others: Mapping[str, NDArray[Any]]) -> None:
        self.decoder_ = {name.removeprefix(_PREFIX): array for name, array in others.items()}
        width = None
        for weight, bias in self._layers():
            if weight.ndim != 2 or bias.shape != weight.shape[:1] or width not in (None, weight.shape[1]):
                raise FormatError(f"{_PREFIX}… of the cloud {self.spec} must be the layers of one network")
            width = len(bias)
        if width != self.dimension_:
            raise FormatError(f"{_PREFIX}… of the cloud {self.spec} must end in {self.dimension_} outputs, got {width}")

    def _layers(self) -> list[tuple[NDArray[Any], NDArray[Any]]]:
        places = sorted(int(name.partition(".")[0]) for name in self.decoder_ if name.endswith(".weight"))
        return [(self.decoder_[f"{place}.weight"], self.decoder_[f"{place}.bias"]) for place in places]

    def _draw(self, n: int, rng: np.random.Generator) -> CodeArray:
        layers = self._layers()
        drawn = np.empty((n, self.dimension_), dtype=np.float32)
        for rows in row_chunks(n):
            values = rng.standard_normal((rows.stop - rows.start, layers[0][0].shape[1]), dtype=np.float32)
            for place, (weight, bias) in enumerate(layers):
                values = values @ weight.T + bias
                if place < len(layers) - 1:
                    np.maximum(values, 0, out=values)
            values += self.noise_ * rng.standard_normal(values.shape, dtype=np.float32)
            drawn[rows] = self.mean_ + self.sd_ * values
        return drawn
