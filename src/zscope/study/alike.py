"""How alike the spaces of several runs are: pairs, models, verdicts, and the same in words."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from typing import cast

import numpy as np
from numpy.typing import NDArray

from zscope.measures.alike import Alikeness
from zscope.nulls.base import Verdict
from zscope.nulls.seeds import SeedDifference, Seeds
from zscope.study.payload import Finding, StudyPayload
from zscope.typing import JsonDict

MOST_TOLD = 3
"""Undecided pairs of models beyond this number are told in one sentence."""

COLUMNS: tuple[tuple[str, Callable[[Alikeness], float | None]], ...] = (
    ("R² forth", lambda pair: pair.r2_forth),
    ("R² back", lambda pair: pair.r2_back),
    ("CKA", lambda pair: pair.cka),
    ("neighbours", lambda pair: pair.overlap),
    ("spectra", lambda pair: pair.spectrum_distance),
    ("peaks", lambda pair: abs(pair.peak_shift)),
    ("radii", lambda pair: pair.radius_ks),
    ("inertia", lambda pair: pair.inertia_ratio),
)
"""Figures of a pair that the table shows; the peaks' distance without its sign, so that it can be averaged."""


@dataclass(frozen=True)
class NotCompared:
    """Why runs cannot be held against each other.

    Attributes
    ----------
    reason : str
        In words, without a full stop.
    """

    reason: str

    def as_json(self) -> JsonDict:
        """Give the reason as JSON holds it, under ``left_out``."""
        return {"left_out": self.reason}


@dataclass(frozen=True)
class RunPair:
    """Two runs, by their places in `RunsAlike.names`, and how alike they are."""

    one: int
    other: int
    alike: Alikeness


@dataclass(frozen=True)
class ModelPair:
    """Two models, what their runs differ by beside what seeds differ by, and the verdict."""

    one: Seeds
    other: Seeds
    differences: tuple[SeedDifference, ...]
    verdict: Verdict


@dataclass(frozen=True)
class AlikeRow:
    """A row of the table: runs or models in words, over how many pairs of runs it is a mean, and a value a column."""

    title: str
    pairs: int
    values: tuple[float | None, ...]


@dataclass(frozen=True, eq=False)
class RunsAlike:
    """How alike the spaces of several runs are.

    Attributes
    ----------
    names : tuple of str
        The runs that were compared.
    seeds : tuple of int
        The seed of each.
    peaks : tuple of float
        Most frequent radius of each, in latent units.
    models : tuple of Seeds
        Runs that differ in nothing but the seed are one model.
    pairs : tuple of RunPair
        Every two runs.
    between : tuple of ModelPair
        Every two models.
    split : str
        Which codes were compared.
    n, of : int
        Images that were compared, of those that all runs have encoded.
    queries, k : int
        Images that were asked for their neighbours, and for how many.
    notes : tuple of str
        Which runs were left out, and why.
    """

    names: tuple[str, ...]
    seeds: tuple[int, ...]
    peaks: tuple[float, ...]
    models: tuple[Seeds, ...]
    pairs: tuple[RunPair, ...]
    between: tuple[ModelPair, ...]
    split: str
    n: int
    of: int
    queries: int
    k: int
    notes: tuple[str, ...]

    @property
    def by_chance(self) -> float:
        """Share of neighbours that unrelated spaces have in common."""
        return self.k / (self.n - 1)

    def table(self, figure: Callable[[Alikeness], float | None]) -> NDArray[np.float64]:
        """Lay a figure of all pairs out as a square.

        Parameters
        ----------
        figure : callable
            Takes a pair's alikeness.

        Returns
        -------
        ndarray of shape (R, R)
            Symmetric; NaN on the diagonal and where there is none.
        """
        square = np.full((len(self.names), len(self.names)), np.nan)
        for pair in self.pairs:
            found = figure(pair.alike)
            square[pair.one, pair.other] = square[pair.other, pair.one] = np.nan if found is None else found
        return square

    def directed(self) -> NDArray[np.float64]:
        """R² from the run of each row to that of each column, shape (R, R); NaN on the diagonal."""
        forth, back = self.table(lambda pair: pair.r2_forth), self.table(lambda pair: pair.r2_back)
        return np.where(np.triu(np.ones(forth.shape, dtype=bool)), forth, back)

    def rows(self) -> tuple[AlikeRow, ...]:
        """Tabulate the pairs: every two runs where each is a model of its own, else means within and between models."""
        by_place = {(pair.one, pair.other): pair.alike for pair in self.pairs}
        chosen: list[tuple[str, list[tuple[int, int]]]] = [
            (f"seeds of {model.name}", list(combinations(model.rows, 2)))
            for model in self.models
            if len(model.rows) > 1
        ]
        for pair in self.between:
            crossed = [(one, other) for one in pair.one.rows for other in pair.other.rows]
            apart = [(one, other) for one, other in crossed if self.seeds[one] != self.seeds[other]]
            chosen.append((f"{pair.one.name} – {pair.other.name}", apart or crossed))
        return tuple(
            AlikeRow(title, len(places), _means([_turned(by_place, *place) for place in places]))
            for title, places in chosen
        )

    def as_json(self) -> JsonDict:
        """Give everything as JSON holds it.

        Returns
        -------
        dict
            ``split``, ``n``, ``of``, ``queries``, ``k``, ``by_chance``, ``runs``, ``pairs``, ``verdicts``, ``notes``.
        """
        model_of = {row: model.name for model in self.models for row in model.rows}
        return cast(
            JsonDict,
            {
                "split": self.split,
                "n": self.n,
                "of": self.of,
                "queries": self.queries,
                "k": self.k,
                "by_chance": self.by_chance,
                "runs": [
                    {"name": name, "model": model_of.get(place), "seed": self.seeds[place], "peak": self.peaks[place]}
                    for place, name in enumerate(self.names)
                ],
                "pairs": [
                    {"one": self.names[pair.one], "other": self.names[pair.other], **asdict(pair.alike)}
                    for pair in self.pairs
                ],
                "verdicts": [
                    {
                        "one": pair.one.name,
                        "other": pair.other.name,
                        **pair.verdict.as_json(),
                        "differences": [found.as_json() for found in pair.differences],
                    }
                    for pair in self.between
                ],
                "notes": list(self.notes),
            },
        )


def _turned(pairs: dict[tuple[int, int], Alikeness], one: int, other: int) -> Alikeness:
    """Find a pair, seen from its first run."""
    if (one, other) in pairs:
        return pairs[one, other]
    found = pairs[other, one]
    return replace(found, r2_forth=found.r2_back, r2_back=found.r2_forth, peak_shift=-found.peak_shift)


def _means(pairs: Sequence[Alikeness]) -> tuple[float | None, ...]:
    columns = [[value for pair in pairs if (value := figure(pair)) is not None] for _, figure in COLUMNS]
    return tuple(float(np.mean(column)) if column else None for column in columns)


def with_alikeness(payload: StudyPayload, found: RunsAlike | NotCompared) -> StudyPayload:
    """Add to a study how alike its runs are.

    Parameters
    ----------
    payload : StudyPayload
        The runs.
    found : RunsAlike or NotCompared
        From `alike_runs`.

    Returns
    -------
    StudyPayload
        With the verdicts that were decided first among the findings, and the others last.
    """
    if not isinstance(found, RunsAlike):
        return replace(payload, alike=found)
    told = alike_findings(found)
    decided = tuple(one for one in told if one.holds is not None)
    left = tuple(one for one in told if one.holds is None)
    return replace(payload, alike=found, findings=(*decided, *payload.findings, *left))


def alike_findings(found: RunsAlike) -> tuple[Finding, ...]:
    """Say what was decided of every two models; where many are undecided, how many.

    Parameters
    ----------
    found : RunsAlike
        From `alike_runs`.

    Returns
    -------
    tuple of Finding
        About the study as a whole.
    """
    decided = [pair.verdict for pair in found.between if pair.verdict.holds is not None]
    others = [pair.verdict for pair in found.between if pair.verdict.holds is None]
    if len(others) > MOST_TOLD:
        says = f"Of {len(found.between)} pairs of models {len(others)} are not decided to be one latent space or two."
        others = [Verdict("same_space", None, "undecided", says, others[0].advice)]
    return tuple(
        Finding(one.says, one.advice, None, one.claim, one.holds, one.strength, "alike") for one in (*decided, *others)
    )
