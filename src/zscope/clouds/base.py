"""What every cloud is: something that is fitted to codes, or not, and draws new ones."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zscope.clouds.moments import row_chunks
from zscope.errors import CodesError, FormatError, ParameterError
from zscope.typing import CodeArray

_NAMED_ROWS = 5
_NOISE = 0x7A5C09E
"""Seed of the posteriors' noise: one that no user's own seed is likely to be."""


def checked_codes(codes: ArrayLike, *, least: int = 1, what: str = "codes") -> NDArray[Any]:
    """Check that codes are a finite numeric table and give them back as an array, in their own type.

    Parameters
    ----------
    codes : array-like of shape (N, d)
        Floating-point or integer; any memory order.
    least : int
        The smallest N that will do.
    what : str
        What an error calls them.

    Returns
    -------
    ndarray of shape (N, d)
        The same numbers, not copied if they were an array already.

    Raises
    ------
    CodesError
        If they are not two-dimensional, not real numbers, empty, fewer than `least`, or hold NaN or infinity.
    """
    table = np.asarray(codes)
    if table.dtype.kind not in "fiu":
        raise CodesError(f"{what} must be real numbers, got an array of type {table.dtype}")
    if table.ndim != 2 or table.shape[1] < 1:
        raise CodesError(f"{what} must have shape (N, d), got {table.shape}")
    if len(table) < max(least, 1):
        raise CodesError(f"{what} must be at least {max(least, 1)} points, got {len(table)}")
    if table.dtype.kind == "f":
        bad = np.flatnonzero(~np.isfinite(table).all(axis=1))
        if len(bad):
            named = ", ".join(str(row) for row in bad[:_NAMED_ROWS]) + (", …" if len(bad) > _NAMED_ROWS else "")
            rows = "row holds" if len(bad) == 1 else "rows hold"
            raise CodesError(f"{what} must be finite: {len(bad)} of {len(table)} {rows} NaN or infinity (row {named})")
    return table


def posterior_draws(mean: NDArray[Any], logvar: NDArray[Any]) -> CodeArray:
    """Draw once from each posterior, z = μ + exp(logvar / 2) ε: a sample of the aggregate posterior.

    Parameters
    ----------
    mean, logvar : ndarray of shape (N, d)
        Means and natural logarithms of the variances of the posteriors.

    Returns
    -------
    ndarray of shape (N, d), float32
        The same ones for the same posteriors: the noise has a seed of its own.
    """
    rng = np.random.default_rng(_NOISE)
    drawn = np.empty(mean.shape, np.float32)
    for rows in row_chunks(len(mean)):
        noise = rng.standard_normal(mean[rows].shape)
        drawn[rows] = mean[rows] + np.exp(0.5 * logvar[rows].astype(np.float64)) * noise
    return drawn


class Cloud(ABC):
    """A way to draw codes.

    A cloud's constructor only stores its parameters; `fit` learns from codes what the cloud keeps of them, and `draw`
    makes new codes. `draw_matched` draws as a null: what the cloud keeps, the draw itself then has exactly, not only
    on average over draws. A subclass enters `zscope.clouds.CLOUDS` and says how in `_fit` and `_draw`, and in
    `_draw_matched` where it can do better than a plain draw; its docstring says what it keeps and what it breaks.

    What `fit` learnt is in attributes whose names end in ``_``. Those that a draw needs stand in `learnt`, and `state`
    gives them as arrays, from which `restore` makes the same cloud without the codes.

    Attributes
    ----------
    dimension_ : int
        Latent dimensions d, known after `fit`.
    """

    name: ClassVar[str]
    keeps: ClassVar[str]
    least: ClassVar[int] = 1
    learnt: ClassVar[Mapping[str, str]] = {}
    """Attributes that make up `state`, and the axes of each in letters: ``d`` latent dimensions; empty: a number."""

    dimension_: int

    @property
    @abstractmethod
    def label(self) -> str:
        """The cloud in words, for tables and pictures."""

    @property
    def spec(self) -> str:
        """The text from which `zscope.clouds.cloud` makes this cloud again."""
        return self.name

    @classmethod
    def from_figure(cls, figure: str) -> "Cloud":
        """Make the cloud from what stands behind the colon of its text.

        Parameters
        ----------
        figure : str
            The characters after ``name:``.

        Returns
        -------
        Cloud
            Not yet fitted.

        Raises
        ------
        ParameterError
            If the cloud takes no figure, or not this one.
        """
        raise ParameterError("cloud", f"be just {cls.name}, which takes no figure", f"{cls.name}:{figure}")

    def fit(self, codes: ArrayLike, logvar: ArrayLike | None = None) -> Self:
        """Learn from codes what this cloud keeps of them.

        Parameters
        ----------
        codes : array-like of shape (N, d)
            Finite real numbers: the means of the posteriors, if there are posteriors.
        logvar : array-like of shape (N, d), optional
            Log-variances of the posteriors of a variational autoencoder. The cloud then learns from one draw of each
            posterior (`posterior_draws`), which is what the decoder was trained on; `posterior` and `second-stage` use
            them in their own ways.

        Returns
        -------
        Self
            This cloud, fitted; what an earlier fit learnt is forgotten.

        Raises
        ------
        CodesError
            If the codes are no finite table of numbers or too few, or the log-variances no such table of their shape.
        """
        table = checked_codes(codes, least=self.least, what=f"codes for the cloud {self.spec}")
        if logvar is None:
            self._fit(table)
        else:
            spread = checked_codes(logvar, what="log-variances of the codes")
            if spread.shape != table.shape:
                raise CodesError(f"log-variances must have the shape of the codes, {table.shape}, got {spread.shape}")
            self._fit_posteriors(table, spread)
        self.dimension_ = table.shape[1]
        return self

    def state(self) -> dict[str, NDArray[Any]]:
        """Give all that a draw needs, as arrays; with `spec` it makes the same cloud again.

        Returns
        -------
        dict of str to ndarray
            The attributes that `learnt` names and ``dimension_``; numbers and truth values as arrays without axes.

        Raises
        ------
        CodesError
            If the cloud has not been fitted.
        """
        self._check_fitted("have a state")
        return {name: np.array(getattr(self, name), order="C") for name in ("dimension_", *self.learnt)}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> Self:
        """Take what `state` gave, in place of a fit; draws are then the same, number for number.

        Parameters
        ----------
        state : mapping of str to ndarray
            From a cloud with the same `spec`.

        Returns
        -------
        Self
            This cloud, as if fitted.

        Raises
        ------
        FormatError
            If an array is missing, of another shape, no array of numbers, or holds NaN or infinity.
        """
        wanted = {"dimension_": "", **self.learnt}
        sizes: dict[str, int] = {}
        if "dimension_" in state and np.asarray(state["dimension_"]).dtype.kind in "iu":
            sizes["d"] = int(np.asarray(state["dimension_"]).ravel()[0])
        for name, axes in wanted.items():
            if name not in state:
                held = ", ".join(state) or "none"
                raise FormatError(f"the state of the cloud {self.spec} must hold {name}, got {held}")
            array = np.asarray(state[name])
            letters = axes.split()
            fits = array.ndim == len(letters) and array.dtype.kind in "fiub" and bool(np.isfinite(array).all())
            # Axes with the same letter have the same length, in all arrays.
            if not fits or any(
                sizes.setdefault(letter, size) != size for letter, size in zip(letters, array.shape, strict=True)
            ):
                raise FormatError(
                    f"{name} of the cloud {self.spec} must be finite numbers of shape ({', '.join(letters)}) with d = "
                    f"{sizes.get('d', 'dimension_')}, got {array.dtype} of shape {array.shape}"
                )
            setattr(self, name, array if letters else array.item())
        self._restored({name: array for name, array in state.items() if name not in wanted})
        return self

    def draw(self, n: int, rng: np.random.Generator) -> CodeArray:
        """Draw `n` codes.

        Parameters
        ----------
        n : int
            How many, at least 1.
        rng : numpy.random.Generator
            The only source of chance: the same state gives the same codes.

        Returns
        -------
        ndarray of shape (n, d), float32
            New codes, in latent units.

        Raises
        ------
        CodesError
            If the cloud has not been fitted.
        ParameterError
            If `n` is below 1.
        """
        self._check_draw(n)
        return self._draw(n, rng).astype(np.float32, copy=False)

    def draw_matched(self, n: int, rng: np.random.Generator) -> CodeArray:
        """Draw `n` codes as a null, so that the draw itself has exactly what the cloud keeps of the codes.

        A plain draw has it only up to chance, and so differs from the codes for that alone. Clouds that keep nothing
        of the codes, and those that are no nulls (axes, mixture), draw as always.

        Parameters
        ----------
        n : int
            How many, at least 1; more than d where mean and covariance, or rank correlations, are kept. Where values of
            the codes are kept, each occurs once if `n` is the number of codes, else evenly spaced quantiles do.
        rng : numpy.random.Generator
            The only source of chance: the same state gives the same codes.

        Returns
        -------
        ndarray of shape (n, d), float32
            New codes, in latent units, in random order. Moments are exact up to the rounding of float32.

        Raises
        ------
        CodesError
            If the cloud has not been fitted, or `n` is not above d: fewer points cannot carry the covariance.
        ParameterError
            If `n` is below 1.
        """
        self._check_draw(n)
        return self._draw_matched(n, rng).astype(np.float32, copy=False)

    def _check_fitted(self, to: str) -> None:
        if not hasattr(self, "dimension_"):
            raise CodesError(f"the cloud {self.spec} must be fitted to codes before it can {to}")

    def _check_draw(self, n: int) -> None:
        self._check_fitted("draw")
        if n < 1:
            raise ParameterError("n", "be at least 1", n)

    def _fit(self, codes: NDArray[Any]) -> None:  # noqa: B027 - a cloud that keeps only d has nothing to learn
        """Store what is learnt from checked codes of shape (N, d)."""

    def _fit_posteriors(self, codes: NDArray[Any], logvar: NDArray[Any]) -> None:
        """Store what is learnt from checked codes and their log-variances, both of shape (N, d)."""
        self._fit(posterior_draws(codes, logvar))

    def _restored(self, others: Mapping[str, NDArray[Any]]) -> None:  # noqa: B027 - most have no others
        """Make what follows from the learnt attributes; `others` is what else the state holds."""

    @abstractmethod
    def _draw(self, n: int, rng: np.random.Generator) -> NDArray[np.floating[Any]]:
        """Draw codes of shape (n, dimension_)."""

    def _draw_matched(self, n: int, rng: np.random.Generator) -> NDArray[np.floating[Any]]:
        """Draw codes of shape (n, dimension_) that have exactly what the cloud keeps."""
        return self._draw(n, rng)


class DensityCloud(Cloud):
    """A cloud whose density is known, so that codes which it was not fitted to can say how well it knows them."""

    def log_density(self, codes: ArrayLike) -> NDArray[np.float64]:
        """Log-density log p(z) of the cloud at codes.

        Its mean over codes that the cloud was not fitted to is −KL(codes ‖ cloud) up to a constant that all clouds
        share, and so ranks clouds.

        Parameters
        ----------
        codes : array-like of shape (n, d)
            Finite real numbers, in latent units.

        Returns
        -------
        ndarray of shape (n,), float64
            In nats, of the density per latent unit to the power d. −∞ off a cloud that is flat along some direction.

        Raises
        ------
        CodesError
            If the cloud has not been fitted, or the codes are no finite table of its d.
        """
        self._check_fitted("have a density")
        table = checked_codes(codes, what=f"codes for the density of the cloud {self.spec}")
        if table.shape[1] != self.dimension_:
            raise CodesError(f"codes must have the cloud's {self.dimension_} dimensions, got {table.shape[1]}")
        return np.asarray(self._log_density(table), dtype=np.float64)

    @abstractmethod
    def _log_density(self, codes: NDArray[Any]) -> NDArray[np.floating[Any]]:
        """Log-density at checked codes of shape (n, d)."""
