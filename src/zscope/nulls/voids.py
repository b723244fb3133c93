"""Voids: places where a smooth cloud has codes and the codes have none."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from zscope.measures.base import Measurement
from zscope.measures.sample import Sample
from zscope.measures.voids import ALL, Space, hollow, mean_log_ratio, spaces, void_share
from zscope.nulls.base import Verdict, percent
from zscope.nulls.battery import Battery, NullSide
from zscope.nulls.claims import VOID_MARGIN
from zscope.nulls.outcome import Outcome, Statistic
from zscope.nulls.structure import NULL_WORDS, Decision, decide, why_not
from zscope.typing import CodeArray

_CLAIM = "voids"
_SHARE, _RATIO = "void_share", "void_log_ratio"


@dataclass(frozen=True, eq=False)
class Probes:
    """Places in one space, and how far they lie from clouds of the null.

    Attributes
    ----------
    space : Space
        Where.
    places : ndarray of shape (p, c)
        Points of one null draw, the reference.
    pilots : ndarray of shape (K, p)
        Distance from each place to the nearest point of each of K other draws.
    """

    space: Space
    places: CodeArray
    pilots: NDArray[np.float32]


@dataclass(frozen=True)
class VoidBattery(Battery):
    """How far places of the null lie from the nearest code, against how far they lie from other draws of the null.

    Places are the first points of one null draw (as many as there are queries). In each space a place is counted if it
    is further from the cloud than from each of 19 other draws; of a cloud that is like the null, one in 20 is. The
    share (``void_share_…``) is what the claim is decided by; see `zscope.measures.voids.void_share` for what it means.
    The mean log ratio of the distances (``void_log_ratio_…``) adds evidence.

    Nulls: `covariance` and `copula`; `elliptical` too unless the codes are hollow by their Mahalanobis radii
    (`zscope.measures.voids.hollow`): a hollow shell is elliptical, and the elliptical null would keep its hole. Thus a
    shell so thick that its radii spread nearly as much as a ball's is not found. Codes that vary along one direction
    only are held against `covariance` alone: the other two would repeat them.
    """

    measure: ClassVar[str] = "voids"
    pilots: ClassVar[int] = 19

    def nulls(self, sample: Sample) -> tuple[str, ...]:
        """Name the nulls that apply.

        Parameters
        ----------
        sample : Sample
            The codes.

        Returns
        -------
        tuple of str
            One to three names.
        """
        if spaces(sample.points)[-1].name == "1d":
            return ("covariance",)
        return ("covariance", "copula") if hollow(sample.points) else ("covariance", "elliptical", "copula")

    def prepare(self, sample: Sample, side: NullSide) -> tuple[Probes, ...]:
        """Take the places from the reference, and their distances to the pilots.

        Parameters
        ----------
        sample : Sample
            The codes; only their principal axes are taken, which draws of `covariance` share exactly, those of the
            other nulls nearly.
        side : NullSide
            The null.

        Returns
        -------
        tuple of Probes
            One a space.
        """
        places = side.reference.points[side.reference.queries]
        here = [(space, space.project(places)) for space in spaces(sample.points)]
        # Other batteries may ask for more pilots; the chance of a place to be counted depends on how many there are.
        pilots = islice(side.pilots, self.pilots)
        distances = [[space.nearest(pilot, probes) for space, probes in here] for pilot in pilots]
        return tuple(
            Probes(space, probes, np.stack(column))
            for (space, probes), column in zip(here, zip(*distances, strict=True), strict=True)
        )

    def statistics(
        self,
        sample: Sample,
        prepared: tuple[Probes, ...],
        rng: np.random.Generator,  # noqa: ARG002 - all chance is in the clouds
    ) -> dict[Statistic, float]:
        """Take the share of places in voids, and the mean log ratio of the distances, in each space.

        Parameters
        ----------
        sample : Sample
            Codes or a null draw.
        prepared : tuple of Probes
            From `prepare`.
        rng : numpy.random.Generator
            Not used.

        Returns
        -------
        dict of Statistic to float
            Two a space.
        """
        found: dict[Statistic, float] = {}
        for probes in prepared:
            distances = probes.space.nearest(sample, probes.places)
            found[Statistic(f"{_SHARE}_{probes.space.name}")] = void_share(distances, probes.pilots)
            found[Statistic(f"{_RATIO}_{probes.space.name}", decides=False)] = mean_log_ratio(
                distances, probes.pilots, probes.space.unit
            )
        return found

    def verdict(self, measurement: Measurement, outcomes: Sequence[Outcome]) -> Verdict:  # noqa: ARG002
        """Decide the claim `voids`.

        Parameters
        ----------
        measurement : Measurement
            Of `zscope.measures.voids.VoidMeasure`.
        outcomes : sequence of Outcome
            One a null.

        Returns
        -------
        Verdict
            Naming the space, the share and the null that comes nearest to the codes.
        """
        decision, outcome = decide(_CLAIM, outcomes), outcomes[0]
        where = _space_words(decision.statistic.name.removeprefix(f"{_SHARE}_"))
        figures = (
            f"{where} {percent(decision.value, 1)} of the points of {NULL_WORDS[decision.null]} lie further from the "
            f"nearest code than from any of {self.pilots} such clouds; by chance it is "
            f"{percent(decision.null_mean, 1)} (p = {decision.p:.2g}, {outcome.used})"
        )
        if decision.why == "beyond":
            return Verdict(_CLAIM, True, decision.strength, f"There are voids. {figures}.", _advice(decision))
        says = why_not(
            decision,
            len(outcome.draws),
            figures,
            too_small=f"{percent(VOID_MARGIN)} beyond chance,",
            unseen=f"No voids are seen. Where they are most likely: {figures[0].lower()}{figures[1:]}",
        )
        return Verdict(_CLAIM, decision.holds, decision.strength, f"{says}.", None)


def _space_words(name: str) -> str:
    if name == ALL:
        return "In all dimensions"
    count = int(name.removesuffix("d"))
    return "Along the only direction" if count == 1 else f"In the leading {count} components"


def _advice(decision: Decision) -> str:
    return (
        f"Random codes fall into them: {percent(decision.effect)} or more of those drawn from mean and covariance lie "
        "where codes are missing or much sparser than that cloud. Draw from one that follows the codes more closely (a "
        "mixture)."
    )
