"""Measures held against null clouds: tests, verdicts and advice. The only room that knows thresholds."""

import numpy as np

from zscope.errors import ParameterError
from zscope.measures.base import LatentCodes, Measurement
from zscope.nulls.base import NullTest, Verdict
from zscope.nulls.claims import CLAIMS, Claim
from zscope.nulls.descriptive import collapsed_verdict, dominating_verdict
from zscope.nulls.radius import radius_tests, radius_verdict, untestable
from zscope.typing import Progress, silent

__all__ = ["CLAIMS", "Claim", "NullTest", "Verdict", "judge"]


def judge(
    codes: LatentCodes,
    measurements: dict[str, Measurement],
    rng: np.random.Generator,
    draws: int = 99,
    max_points: int = 20_000,
    progress: Progress = silent,
) -> dict[str, tuple[list[NullTest], Verdict | None]]:
    """Hold measurements against their nulls and decide their claims.

    Parameters
    ----------
    codes : LatentCodes
        The codes that were measured.
    measurements : dict of str to Measurement
        By the name of the measure.
    rng : numpy.random.Generator
        The only source of chance.
    draws : int
        Null clouds, at least 1; fewer than 99 can show no difference at the level that claims are decided by.
    max_points : int
        With more codes than this, so many are tested, chosen at random, and the nulls get as many.
    progress : Progress
        Told after each draw.

    Returns
    -------
    dict
        For every measurement its tests, none where nothing can be tested, and its verdict, None where it makes no
        claim.

    Raises
    ------
    ParameterError
        If `draws` or `max_points` is below 1.
    """
    if draws < 1:
        raise ParameterError("draws", "be at least 1", draws)
    if max_points < 1:
        raise ParameterError("max_points", "be at least 1", max_points)
    judged: dict[str, tuple[list[NullTest], Verdict | None]] = {}
    for name, measurement in measurements.items():
        judged[name] = ([], None)
        if name == "radius":
            judged[name] = _judge_radius(codes, measurement, rng, draws, max_points, progress)
        elif name == "axes":
            judged[name] = ([], dominating_verdict(measurement))
        elif name == "activity":
            judged[name] = ([], collapsed_verdict(measurement))
    return judged


def _judge_radius(
    codes: LatentCodes,
    measurement: Measurement,
    rng: np.random.Generator,
    draws: int,
    max_points: int,
    progress: Progress,
) -> tuple[list[NullTest], Verdict | None]:
    reason = untestable(codes, max_points)
    if reason is not None:
        return [], Verdict("radius_explained", None, "not testable", f"Not testable: {reason}.")
    interval = measurement.values["interval"]
    if not isinstance(interval, float):
        raise ParameterError("measurement", "be the measure radius's, with a number as its interval", interval)
    tests = radius_tests(codes, interval, rng, draws, max_points, progress)
    of = "codes" if codes.logvar is None else "posterior means"
    return tests, radius_verdict(measurement, tests, of)
