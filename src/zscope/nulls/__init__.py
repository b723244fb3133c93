"""Measures held against null clouds: tests, verdicts and advice. The only room that knows thresholds."""

import zlib
from collections.abc import Callable, Sequence

import numpy as np

from zscope.errors import ParameterError
from zscope.measures.base import LatentCodes, Measurement
from zscope.measures.sample import Sample
from zscope.nulls.base import NullTest, Verdict
from zscope.nulls.battery import Battery, outlying, run_batteries, too_few
from zscope.nulls.claims import CLAIMS, Claim
from zscope.nulls.clusters import ClustersBattery, InertiaBattery
from zscope.nulls.descriptive import collapsed_verdict, dominating_verdict
from zscope.nulls.dimension import DimensionBattery
from zscope.nulls.maps import MapBattery
from zscope.nulls.normality import NormalityBattery
from zscope.nulls.outcome import Outcome
from zscope.nulls.prior import PriorBattery
from zscope.nulls.radius import RadiusBattery
from zscope.nulls.voids import VoidBattery
from zscope.typing import Progress, silent

__all__ = ["BATTERIES", "CLAIMS", "Battery", "Claim", "NullTest", "Outcome", "Verdict", "judge", "run_batteries"]

BATTERIES: tuple[Battery, ...] = (
    RadiusBattery(),
    PriorBattery(),
    NormalityBattery(),
    DimensionBattery(),
    InertiaBattery(),
    ClustersBattery(),
    VoidBattery(),
    MapBattery(),
)
"""Every battery of tests with its default parameters, in the order of the measures."""

DESCRIPTIVE: dict[str, Callable[[Measurement], Verdict]] = {"axes": dominating_verdict, "activity": collapsed_verdict}
"""Verdicts that no null decides, by measure."""


def judge(
    codes: LatentCodes,
    measurements: dict[str, Measurement],
    rng: np.random.Generator,
    draws: int = 99,
    progress: Progress = silent,
    batteries: Sequence[Battery] = BATTERIES,
) -> dict[str, tuple[list[NullTest], Verdict | None]]:
    """Hold measurements against their nulls and decide their claims.

    Parameters
    ----------
    codes : LatentCodes
        The codes that were measured; `LatentCodes.sample` of them is tested.
    measurements : dict of str to Measurement
        By the name of the measure.
    rng : numpy.random.Generator
        The only source of chance.
    draws : int
        Null clouds of each kind; fewer than 99 can show no difference at the level that claims are decided by, and with
        0 no test is made.
    progress : Progress
        Told after each draw.
    batteries : sequence of Battery
        The tests; those whose measure was not taken are left out.

    Returns
    -------
    dict
        For every measurement its tests, none where nothing can be tested, and its verdict, None where it makes no
        claim.

    Raises
    ------
    ParameterError
        If `draws` is below 0.
    """
    if draws < 0:
        raise ParameterError("draws", "be at least 0", draws)
    judged: dict[str, tuple[list[NullTest], Verdict | None]] = {
        name: ([], DESCRIPTIVE[name](measurement) if name in DESCRIPTIVE else None)
        for name, measurement in measurements.items()
    }
    together: dict[int, tuple[Sample, list[Battery]]] = {}
    unfit: dict[int, str | None] = {}
    entropy = int(rng.integers(2**63))
    for battery in batteries if draws else ():
        if battery.measure not in measurements:
            continue
        sample = battery.sample(codes, np.random.default_rng([entropy, zlib.crc32(battery.measure.encode())]))
        if id(sample) not in unfit:
            finite = bool(np.isfinite(sample.points).all())
            unfit[id(sample)] = (too_few(sample) or outlying(sample)) if finite else None
        reason = unfit[id(sample)] or battery.untestable(sample)
        if reason is None:
            together.setdefault(id(sample), (sample, []))[1].append(battery)
        else:
            judged[battery.measure] = ([], _not_testable(battery.measure, reason))
    for sample, takers in together.values():
        found = run_batteries(sample, takers, draws, np.random.default_rng(entropy), progress)
        for battery in takers:
            outcomes = found[battery.measure]
            measurement = measurements[battery.measure]
            tests = [test for one in outcomes for test in battery.tests(measurement, one, one.prepared)]
            judged[battery.measure] = (tests, battery.verdict(measurement, outcomes))
    return judged


def _not_testable(measure: str, reason: str) -> Verdict | None:
    claim = next((claim.name for claim in CLAIMS.values() if claim.measure == measure), None)
    return None if claim is None else Verdict(claim, None, "not testable", f"Not testable: {reason}.")
