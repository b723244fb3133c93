"""The engine of null tests: the same statistics of the codes and of every draw of every null.

A subject of tests (dimension, clusters, voids, …) is a `Battery`: it says which statistics it takes of a sample, which
nulls it is held against, and how its claim reads. `run_batteries` draws each null cloud once and hands it to all.
"""

import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from zscope.clouds import cloud
from zscope.clouds.base import Cloud
from zscope.errors import ParameterError
from zscope.measures.base import LatentCodes, Measurement
from zscope.measures.normality import Normalised
from zscope.measures.sample import Sample
from zscope.measures.words import counted
from zscope.nulls.base import NullTest, Verdict
from zscope.nulls.claims import LEAST_POINTS, LEAST_POINTS_PER_DIMENSION
from zscope.nulls.outcome import Outcome, Statistic
from zscope.typing import CodeArray, Progress, silent


@dataclass(frozen=True, eq=False)
class Pilots:
    """Draws of a null that are not counted, made anew each time they are gone through: one at a time is in memory.

    Attributes
    ----------
    sample : Sample
        What they are to be like.
    cloud : Cloud
        The null, fitted.
    count : int
        How many.
    entropy : int
        From which every draw's generator comes.
    """

    sample: Sample
    cloud: Cloud
    count: int
    entropy: int

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Sample]:
        for place in range(self.count):
            rng = np.random.default_rng([self.entropy, place])
            yield self.sample.like(self.cloud.draw_matched(self.sample.n, rng))


@dataclass(frozen=True, eq=False)
class NullSide:
    """One null, fitted to the sample, and what a test needs of it besides the draws.

    Attributes
    ----------
    name : str
        Name of the null cloud.
    cloud : Cloud
        Fitted to the sample's points.
    reference : Sample
        One further draw, independent of all that are counted: a fixed opponent and a source of probes.
    pilots : Pilots
        More such draws, by which thresholds are set that must not depend on the draws that are counted.
    """

    name: str
    cloud: Cloud
    reference: Sample
    pilots: Pilots


class Battery(ABC):
    """The tests of one measure: statistics, nulls, and the claim they decide.

    A subclass is a frozen dataclass of its parameters and enters `zscope.nulls.BATTERIES`.

    Attributes
    ----------
    measure : str
        Name of the measure whose entry in ``measures.json`` holds tests and verdict.
    pilots : int
        Further draws of every null that `NullSide.pilots` must hold.
    most_draws : int or None
        Draws that are enough where each costs much; None: as many as the user wants.
    """

    measure: ClassVar[str]
    pilots: ClassVar[int] = 0
    most_draws: ClassVar[int | None] = None

    def sample(self, codes: LatentCodes, rng: np.random.Generator) -> Sample:  # noqa: ARG002 - most share one sample
        """Choose what is tested.

        Parameters
        ----------
        codes : LatentCodes
            All codes.
        rng : numpy.random.Generator
            The only source of chance.

        Returns
        -------
        Sample
            The sample that all measures share, unless the claim is about something else than these codes.
        """
        return codes.sample

    def untestable(self, sample: Sample) -> str | None:  # noqa: ARG002 - most batteries test every sample
        """Say why this sample cannot be tested so.

        Parameters
        ----------
        sample : Sample
            The codes.

        Returns
        -------
        str or None
            The reason in words, without a full stop.
        """
        return None

    @abstractmethod
    def nulls(self, sample: Sample) -> tuple[str, ...]:
        """Name the nulls that apply to this sample.

        Parameters
        ----------
        sample : Sample
            The codes.

        Returns
        -------
        tuple of str
            Names in `zscope.clouds.CLOUDS`.
        """

    def prepare(self, sample: Sample, side: NullSide) -> Any:  # noqa: ARG002 - most need nothing
        """Compute what is needed once per null.

        Parameters
        ----------
        sample : Sample
            The codes. What is taken from them must be what every null draw shares with them.
        side : NullSide
            The null.

        Returns
        -------
        object
            Handed to `statistics` for the codes and for every draw.
        """
        return None

    @abstractmethod
    def statistics(self, sample: Sample, prepared: Any, rng: np.random.Generator) -> dict[Statistic, float]:
        """Take the figures of the codes or of a draw.

        Parameters
        ----------
        sample : Sample
            Codes or a null draw; nothing tells which.
        prepared : object
            From `prepare`.
        rng : numpy.random.Generator
            The only source of chance.

        Returns
        -------
        dict of Statistic to float
            Finite figures; the same statistics for every sample of one size.
        """

    def tests(self, measurement: Measurement, outcome: Outcome, prepared: Any) -> list[NullTest]:  # noqa: ARG002
        """Give the tests as ``measures.json`` holds them.

        Parameters
        ----------
        measurement : Measurement
            What the measure found.
        outcome : Outcome
            Against one null.
        prepared : object
            From `prepare`, for that null: a band for the figure may come of it.

        Returns
        -------
        list of NullTest
            One a statistic.
        """
        return outcome.tests()

    @abstractmethod
    def verdict(self, measurement: Measurement, outcomes: Sequence[Outcome]) -> Verdict | None:
        """Decide the claim.

        Parameters
        ----------
        measurement : Measurement
            What the measure found.
        outcomes : sequence of Outcome
            One a null.

        Returns
        -------
        Verdict or None
            In words; None where the battery makes no claim.
        """


def too_few(sample: Sample) -> str | None:
    """Say why a sample cannot be held against any null.

    Parameters
    ----------
    sample : Sample
        The codes.

    Returns
    -------
    str or None
        The reason in words.
    """
    n, d = sample.n, sample.dimension
    if n == 1:
        return "all codes are the same point" if sample.of > 1 else "there is only one code"
    least = max(LEAST_POINTS, LEAST_POINTS_PER_DIMENSION * d)
    if n < least:
        return f"{counted(n, 'distinct code')} in {counted(d, 'dimension')} are too few, it takes {least:,}"
    return None


def outlying(sample: Sample) -> str | None:
    """Say that single points lie so far out that the covariance holds nothing of the others.

    Every null is then made of these points alone. It is so where the half of the points that is nearest to the median
    varies in more directions than the covariance of all of them can hold in double precision.

    Parameters
    ----------
    sample : Sample
        The codes.

    Returns
    -------
    str or None
        The reason in words.
    """
    points = sample.points
    off = np.linalg.norm(points - np.median(points, axis=0), axis=1)
    middle = points[off <= np.median(off)]
    if len(middle) < 2 or _components(middle) <= _components(points):
        return None
    return (
        f"single codes lie so far out (up to {off.max():.2g} from the median of all, half of them within "
        f"{np.median(off):.2g}) that mean and covariance say nothing of the others: look at those, and leave them out"
    )


def _components(points: CodeArray) -> int:
    """How many leading components can be told from rounding."""
    return int(Normalised.of(points).leading.shape[1])


def run_batteries(
    sample: Sample,
    batteries: Sequence[Battery],
    draws: int,
    rng: np.random.Generator,
    progress: Progress = silent,
) -> dict[str, list[Outcome]]:
    """Hold a sample against every null that its batteries name.

    Every draw is made once and handed to all batteries that want its null; only its figures are kept.

    Parameters
    ----------
    sample : Sample
        The codes.
    batteries : sequence of Battery
        Those that can test the sample.
    draws : int
        Null clouds of each kind, at least 1.
    rng : numpy.random.Generator
        Whatever draws has a generator of its own, made from this one and from what it is for: draw i is the same
        however many draws, nulls and batteries there are.
    progress : Progress
        Told after each draw.

    Returns
    -------
    dict of str to list of Outcome
        By the battery's measure, one outcome a null.

    Raises
    ------
    ParameterError
        If `draws` is below 1.
    """
    if draws < 1:
        raise ParameterError("draws", "be at least 1", draws)
    wanted = {battery.measure: battery.nulls(sample) for battery in batteries}
    names = list(dict.fromkeys(name for nulls in wanted.values() for name in nulls))
    found: dict[str, list[Outcome]] = {battery.measure: [] for battery in batteries}
    entropy = int(rng.integers(2**63))
    for place, name in enumerate(names):
        takers = [battery for battery in batteries if name in wanted[battery.measure]]

        def tell(done: int, before: int = place * draws, null: str = name) -> None:
            progress("null clouds", before + done, len(names) * draws, null=null)

        for battery, outcome in _one_null(sample, takers, name, draws, entropy, tell):
            found[battery.measure].append(outcome)
    return found


def _stream(entropy: int, *path: str | int) -> np.random.Generator:
    """Make a generator by what it is for, so that no other null, battery or number of draws changes it."""
    words = (part if isinstance(part, int) else zlib.crc32(part.encode()) for part in path)
    return np.random.default_rng([entropy, *words])


def _one_null(
    sample: Sample,
    batteries: Sequence[Battery],
    name: str,
    draws: int,
    entropy: int,
    tell: Callable[[int], None],
) -> list[tuple[Battery, Outcome]]:
    fitted = cloud(name).fit(sample.points)
    side = NullSide(
        name,
        fitted,
        sample.like(fitted.draw_matched(sample.n, _stream(entropy, name, "reference"))),
        Pilots(
            sample,
            fitted,
            max(battery.pilots for battery in batteries),
            int(_stream(entropy, name, "pilots").integers(2**63)),
        ),
    )
    prepared = [battery.prepare(sample, side) for battery in batteries]
    data = [
        battery.statistics(sample, ready, _stream(entropy, name, "codes", battery.measure))
        for battery, ready in zip(batteries, prepared, strict=True)
    ]
    rows: list[list[dict[Statistic, float]]] = [[] for _ in batteries]
    for place in range(draws):
        one = sample.like(fitted.draw_matched(sample.n, _stream(entropy, name, "draw", place)))
        for battery, ready, own in zip(batteries, prepared, rows, strict=True):
            if place < (battery.most_draws or draws):
                own.append(battery.statistics(one, ready, _stream(entropy, name, battery.measure, place)))
        tell(place + 1)
    outcomes = []
    for column, battery in enumerate(batteries):
        statistics = tuple(data[column])
        values = np.array([[row[key] for key in statistics] for row in (data[column], *rows[column])])
        if not np.isfinite(values).all():
            bad = sorted({statistics[at].name for at in np.flatnonzero(~np.isfinite(values).all(axis=0))})
            raise ParameterError("statistics", f"be finite under the null {name}", ", ".join(bad))
        outcomes.append(
            (battery, Outcome(name, statistics, values[0], values[1:], sample.n, sample.of, prepared[column]))
        )
    return outcomes
