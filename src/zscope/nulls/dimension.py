"""Intrinsic dimension against null clouds: do codes have fewer ways to go than a smooth cloud like theirs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from zscope.measures.base import Measurement
from zscope.measures.dimension import dimension_figures, scales_of
from zscope.measures.normality import Normalised
from zscope.measures.sample import Sample
from zscope.measures.voids import hollow
from zscope.nulls.base import Verdict, percent
from zscope.nulls.battery import Battery, NullSide
from zscope.nulls.claims import DIMENSION_MARGIN, FILAMENT, LEVEL
from zscope.nulls.outcome import Outcome, Statistic
from zscope.nulls.structure import NULL_WORDS, Decision, decide, why_not

_CLAIM = "low_dimensional"
_DECIDES = "doubling_"
_TIGHT = 0.75
"""Below this dimension neighbours lie in tight groups with much room between: nothing continuous has less than 1."""


@dataclass(frozen=True)
class DimensionBattery(Battery):
    """Dimension by scale, of the codes over that of the null.

    The doubling dimensions from 4 to 200 neighbours (``doubling_…``) decide, each as a ratio to the null's mean: as
    medians that leave out the nearest neighbour they do not take near-duplicates for fewer dimensions. The others do:
    where one code in ten has a near-duplicate, ``twonn`` is at three quarters of the null, where one in seven has, at
    nothing. They add evidence (``twonn``, ``mle_…``, participation ratios, contrast, the skewness of hubs).
    Clusters that hardly touch lower the doubling dimension too, at scales near their size: see the claim `clusters`.

    Where codes have groups, such as several photographs of one person, all figures are those without neighbours of the
    own group. A draw has groups of the same sizes, at random: a cloud without structure beyond its null, whose groups
    do not depend on place, is like a draw in this too.

    Nulls: `covariance` and `copula`; `elliptical` too unless the codes are hollow by their Mahalanobis radii
    (`zscope.measures.voids.hollow`). Then it is left out, since a closed surface around the centre, such as a ring, is
    elliptical, and that null would be one too.
    """

    measure: ClassVar[str] = "dimension"

    def untestable(self, sample: Sample) -> str | None:
        """Say why this sample cannot be tested so.

        Parameters
        ----------
        sample : Sample
            The codes.

        Returns
        -------
        str or None
            That there is one direction only, or one group.
        """
        if Normalised.of(sample.points).rank < 2:
            return "the codes vary along one direction only, and nothing continuous has fewer"
        if not scales_of(sample):
            return "nearly all codes are of one group: there are too few neighbours of other groups"
        return None

    def nulls(self, sample: Sample) -> tuple[str, ...]:
        """Name the nulls that apply.

        Parameters
        ----------
        sample : Sample
            The codes.

        Returns
        -------
        tuple of str
            Two or three names.
        """
        return ("covariance", "copula") if hollow(sample.points) else ("covariance", "elliptical", "copula")

    def prepare(self, sample: Sample, side: NullSide) -> tuple[int, ...]:  # noqa: ARG002 - all nulls alike
        """Choose the scales.

        Parameters
        ----------
        sample : Sample
            The codes, whose number and groups bound the scales.
        side : NullSide
            The null.

        Returns
        -------
        tuple of int
            Numbers of neighbours.
        """
        return scales_of(sample)

    def statistics(
        self,
        sample: Sample,
        prepared: tuple[int, ...],
        rng: np.random.Generator,  # noqa: ARG002 - all chance is in the clouds
    ) -> dict[Statistic, float]:
        """Take all figures, without neighbours of the own group where there are groups.

        Parameters
        ----------
        sample : Sample
            Codes or a null draw.
        prepared : tuple of int
            Scales.
        rng : numpy.random.Generator
            Not used.

        Returns
        -------
        dict of Statistic to float
            See `zscope.measures.dimension.dimension_figures`.
        """
        others = sample.neighbours_of_other_groups
        figures = dimension_figures(sample, sample.neighbours if others is None else others, prepared)
        return {_statistic(name): value for name, value in figures.items()}

    def verdict(self, measurement: Measurement, outcomes: Sequence[Outcome]) -> Verdict:
        """Decide the claim `low_dimensional`.

        Parameters
        ----------
        measurement : Measurement
            Of `zscope.measures.dimension.DimensionMeasure`.
        outcomes : sequence of Outcome
            One a null.

        Returns
        -------
        Verdict
            Naming scale, figure, null and p. Filaments are said only where a dimension that is beyond the margin is
            near 1.
        """
        decision, outcome = decide(_CLAIM, outcomes), outcomes[0]
        where = _scale_words(decision.statistic.name)
        figures = (
            f"{where}{_distance(measurement, decision)} the codes have dimension {decision.value:.3g}, "
            f"{NULL_WORDS[decision.null]} {decision.null_mean:.3g}: {decision.effect:.2f} of it "
            f"(p = {decision.p:.2g}, {_used(measurement, outcome)})"
        )
        upper = f"{figures[0].upper()}{figures[1:]}"
        if decision.why == "beyond":
            says = f"{_meaning(decision, outcomes)} {upper}."
            return Verdict(_CLAIM, True, decision.strength, says, _advice(decision))
        says = why_not(
            decision,
            len(outcome.draws),
            upper,
            too_small=f"{percent(1 - DIMENSION_MARGIN)} fewer at every scale:",
            unseen=f"At no scale do codes have fewer dimensions than chance allows. Where most is missing: {figures}",
        )
        return Verdict(_CLAIM, decision.holds, decision.strength, f"{says}.")


def _statistic(name: str) -> Statistic:
    if name.startswith("hub_skewness"):
        return Statistic(name, "both", "difference", decides=False)
    return Statistic(name, "low", "ratio", decides=name.startswith(_DECIDES))


def _scale_words(name: str) -> str:
    k = int(name.removeprefix(_DECIDES))
    return f"from the {'2nd' if k == 4 else f'{k // 2}th'} to the {k}th neighbour"


def _distance(measurement: Measurement, decision: Decision) -> str:
    """Say what length a scale is, in the median over the codes."""
    values: dict[str, Any] = dict(measurement.values)
    distance = values.get("without_own_group", values)["distance"][decision.statistic.name]
    return f" ({distance:.3g} away)"


def _used(measurement: Measurement, outcome: Outcome) -> str:
    left_out = ", neighbours of the own group left out" if "without_own_group" in measurement.values else ""
    return f"{outcome.used}{left_out}"


def _meaning(decision: Decision, outcomes: Sequence[Outcome]) -> str:
    """Say what fewer dimensions mean: filaments only where one that counts is near 1, tight groups below it."""
    if decision.value < _TIGHT:
        return "The codes come in tight groups with much room between them: nothing continuous has so few dimensions."
    beyond = [
        (float(outcomes[0].data[column]), one.name)
        for column, one in enumerate(outcomes[0].statistics)
        if one.decides
        and all(outcome.p[column] <= LEVEL and outcome.effects[column] < DIMENSION_MARGIN for outcome in outcomes)
    ]
    least, name = min(beyond)
    if _TIGHT <= least <= FILAMENT:
        return f"The codes lie on filaments: {_scale_words(name)} they have dimension {least:.2g}."
    return "The codes lie on something of fewer dimensions than a smooth cloud like theirs."


def _advice(decision: Decision) -> str:
    return (
        f"Random codes from {NULL_WORDS[decision.null]} lie off it: they have {decision.null_mean:.3g} dimensions to "
        f"go where the codes have {decision.value:.3g}. Draw from a cloud that follows the codes more closely (a "
        "mixture)."
    )
