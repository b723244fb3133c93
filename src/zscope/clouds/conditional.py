"""A cloud for each value of a label: codes of a digit, of one person, of faces that smile."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zscope.clouds import Cloud, PriorCloud, checked_codes, cloud, restored
from zscope.errors import CodesError, FormatError, ParameterError
from zscope.typing import CodeArray

LabelValue = bool | int | str

_NAMED = 5


class ConditionalCloud:
    """p(z) = Σ_v share_v p(z | v): one cloud of the same kind for every value v of a label.

    Parameters
    ----------
    spec : str
        The kind, as `zscope.clouds.cloud` takes it.

    Attributes
    ----------
    values_ : tuple of bool, int or str
        The label's values, in order; known after `fit`.
    shares_ : ndarray of shape (V,)
        Share of each among the codes.
    clouds_ : tuple of Cloud
        The cloud of each.
    dimension_ : int
        Latent dimensions d.
    """

    values_: tuple[LabelValue, ...]
    shares_: NDArray[np.float64]
    clouds_: tuple[Cloud, ...]
    dimension_: int

    def __init__(self, spec: str) -> None:
        self._kind = cloud(spec)
        if isinstance(self._kind, PriorCloud):
            raise ParameterError("cloud", "be another one for labels, of which a model's prior knows nothing", spec)

    @property
    def name(self) -> str:
        """The kind's name."""
        return self._kind.name

    @property
    def spec(self) -> str:
        """The text that makes one of the clouds again."""
        return self._kind.spec

    @property
    def label(self) -> str:
        """The clouds in words."""
        return f"{self._kind.label}, for each label"

    @property
    def keeps(self) -> str:
        """What of the codes is kept, for each label apart."""
        return f"{self._kind.keeps}, for each label"

    def fit(self, codes: ArrayLike, labels: ArrayLike, logvar: ArrayLike | None = None) -> Self:
        """Fit a cloud to the codes of each label.

        Parameters
        ----------
        codes : array-like of shape (N, d)
            Finite real numbers.
        labels : array-like of shape (N,)
            A text, whole number or truth value for each code.
        logvar : array-like of shape (N, d), optional
            Log-variances of the posteriors, see `Cloud.fit`.

        Returns
        -------
        Self
            Fitted.

        Raises
        ------
        CodesError
            If the codes cannot be fitted; if labels are missing or of another kind; or if some of them have too few
            codes for a cloud of this kind, which are named.
        """
        table = checked_codes(codes, what=f"codes for the cloud {self.spec}")
        spread = None if logvar is None else checked_codes(logvar, what="log-variances of the codes")
        if spread is not None and spread.shape != table.shape:
            raise CodesError(f"log-variances must have the shape of the codes, {table.shape}, got {spread.shape}")
        values, members, counts = np.unique(
            _checked_labels(labels, len(table)), return_inverse=True, return_counts=True
        )
        clouds: list[Cloud] = []
        refused: list[str] = []
        reason = ""
        for place, value in enumerate(values.tolist()):
            rows = np.flatnonzero(members == place)
            try:
                clouds.append(cloud(self.spec).fit(table[rows], None if spread is None else spread[rows]))
            except CodesError as error:  # the table is sound, so it is too short
                refused.append(f"{value} ({len(rows)} codes)")
                reason = reason or str(error)
        if refused:
            named = ", ".join(refused[:_NAMED]) + (
                f" and {len(refused) - _NAMED} more" if len(refused) > _NAMED else ""
            )
            raise CodesError(f"labels with too few codes: {named}: {reason}")
        self.values_, self.shares_ = tuple(values.tolist()), counts / len(table)
        self.clouds_, self.dimension_ = tuple(clouds), table.shape[1]
        return self

    def draw(self, n: int, rng: np.random.Generator, label: LabelValue | None = None) -> CodeArray:
        """Draw `n` codes of one label, or of all in their shares.

        Parameters
        ----------
        n : int
            How many, at least 1.
        rng : numpy.random.Generator
            The only source of chance.
        label : bool, int or str, optional
            One of `values_`, or its text.

        Returns
        -------
        ndarray of shape (n, d), float32
            New codes, in latent units.

        Raises
        ------
        CodesError
            If the clouds have not been fitted.
        ParameterError
            If `n` is below 1, or there is no such label.
        """
        if label is None:
            return self.draw_labelled(n, rng)[0]
        self._check_fitted()
        return self.clouds_[self._place(label)].draw(n, rng)

    def draw_labelled(self, n: int, rng: np.random.Generator) -> tuple[CodeArray, NDArray[Any]]:
        """Draw `n` codes of all labels in their shares.

        Parameters
        ----------
        n : int
            How many, at least 1.
        rng : numpy.random.Generator
            The only source of chance.

        Returns
        -------
        codes : ndarray of shape (n, d), float32
            New codes, in latent units, in random order.
        labels : ndarray of shape (n,)
            The label that each was drawn for.

        Raises
        ------
        CodesError
            If the clouds have not been fitted.
        ParameterError
            If `n` is below 1.
        """
        self._check_fitted()
        if n < 1:
            raise ParameterError("n", "be at least 1", n)
        members = rng.choice(len(self.values_), size=n, p=self.shares_)
        drawn = np.empty((n, self.dimension_), dtype=np.float32)
        for place, own in enumerate(self.clouds_):
            rows = np.flatnonzero(members == place)
            if len(rows):
                drawn[rows] = own.draw(len(rows), rng)
        return drawn, np.array(self.values_)[members]

    def state(self) -> dict[str, NDArray[Any]]:
        """Give all that a draw needs but `values_` as arrays: those of the clouds are named ``0.…``, ``1.…``."""
        self._check_fitted()
        own = {
            f"{place}.{name}": array for place, one in enumerate(self.clouds_) for name, array in one.state().items()
        }
        return {"shares_": self.shares_, **own}

    @classmethod
    def restored(cls, spec: str, values: Sequence[LabelValue], state: Mapping[str, NDArray[Any]]) -> "ConditionalCloud":
        """Make fitted clouds from their kind, their labels and what `state` gave.

        Parameters
        ----------
        spec : str
            The kind.
        values : sequence of bool, int or str
            `values_`.
        state : mapping of str to ndarray
            From `state`.

        Returns
        -------
        ConditionalCloud
            Draws the same codes from the same state of a generator.

        Raises
        ------
        ParameterError
            If there is no such kind.
        FormatError
            If the state is not one of such clouds.
        """
        made = cls(spec)
        shares = state.get("shares_")
        if shares is None or shares.shape != (len(values),) or not np.isclose(shares.sum(), 1) or (shares < 0).any():
            raise FormatError(f"the state of clouds for {len(values)} labels must hold that many shares, of sum 1")
        parts: list[dict[str, NDArray[Any]]] = [{} for _ in values]
        for name, array in state.items():
            place, _, rest = name.partition(".")
            if rest and place.isdecimal() and int(place) < len(parts):
                parts[int(place)][rest] = array
        made.clouds_ = tuple(restored(spec, part) for part in parts)
        made.values_, made.shares_ = tuple(values), shares
        dimensions = {one.dimension_ for one in made.clouds_}
        if len(dimensions) != 1:
            raise FormatError(f"clouds for labels must have one number of dimensions, got {sorted(dimensions)}")
        made.dimension_ = dimensions.pop()
        return made

    def _check_fitted(self) -> None:
        if not hasattr(self, "clouds_"):
            raise CodesError(f"the clouds {self.spec} for labels must be fitted to codes before they can draw")

    def _place(self, label: LabelValue) -> int:
        texts = [str(value) for value in self.values_]
        if str(label) not in texts:
            raise ParameterError("label", f"be one of {', '.join(texts)}", str(label))
        return texts.index(str(label))


def _checked_labels(labels: ArrayLike, n: int) -> NDArray[Any]:
    given = np.asarray(labels)
    if given.dtype.kind == "O" and all(isinstance(value, str) for value in given.ravel()):
        given = given.astype(str)
    if given.dtype.kind not in "biuU":
        raise CodesError(f"labels must be texts, whole numbers or truth values, got an array of type {given.dtype}")
    if given.shape != (n,):
        raise CodesError(f"labels must be one a code, of shape ({n},), got {given.shape}")
    return given
