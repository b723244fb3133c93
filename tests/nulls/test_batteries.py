"""The contract that every battery keeps."""

import json

import numpy as np
import pytest

from zscope.clouds import CLOUDS
from zscope.measures import MEASURES, LatentCodes
from zscope.nulls import BATTERIES, CLAIMS, judge, run_batteries
from zscope.nulls.battery import too_few

RNG = np.random.default_rng


def odd_clouds() -> dict[str, np.ndarray]:
    rng = RNG(0)
    gaussian = rng.standard_normal((300, 4))
    far = gaussian.copy()
    far[0] = 1e4
    return {
        "gaussian": gaussian,
        "one dimension": rng.standard_normal((200, 1)),
        "two dimensions": rng.standard_normal((200, 2)),
        "a constant axis": np.column_stack([gaussian, np.full(300, 3.0)]),
        "whole numbers": rng.integers(-4, 5, (400, 4)).astype(float),
        "a far point": far,
        "every point twice": np.concatenate([gaussian, gaussian]),
        "tiny numbers far from zero": 100 + 1e-3 * gaussian,
        "many dimensions": rng.standard_normal((150, 60)),
        "on a line": rng.standard_normal((300, 1)) * [1.0, 2.0, -1.0],
        "least": rng.standard_normal((50, 3)),
    }


CLOUDS_BY_NAME = odd_clouds()


def test_each_measure_has_one_battery_at_most_and_each_battery_a_measure():
    measures = [battery.measure for battery in BATTERIES]
    assert len(set(measures)) == len(measures)
    assert set(measures) <= {measure.name for measure in MEASURES}


def test_every_claim_that_is_tested_on_one_cloud_has_a_battery():
    tested = {claim.measure for claim in CLAIMS.values() if claim.kind != "descriptive" and claim.measure != "alike"}
    assert tested <= {battery.measure for battery in BATTERIES}


@pytest.mark.parametrize("name", CLOUDS_BY_NAME)
@pytest.mark.parametrize("battery", BATTERIES, ids=lambda battery: battery.measure)
class TestContract:
    def test_figures_are_finite_and_the_verdict_is_its_claims(self, battery, name):
        codes = LatentCodes.of(CLOUDS_BY_NAME[name])
        sample = battery.sample(codes, RNG(1))
        reason = too_few(sample) or battery.untestable(sample)
        if reason is not None:
            assert reason
            assert not reason.endswith(".")
            return
        nulls = battery.nulls(sample)
        assert nulls
        assert set(nulls) <= set(CLOUDS)
        outcomes = run_batteries(sample, [battery], 3, RNG(2))[battery.measure]
        assert [outcome.null for outcome in outcomes] == list(nulls)
        again = run_batteries(sample, [battery], 3, RNG(2))[battery.measure]
        for outcome, other in zip(outcomes, again, strict=True):
            assert (outcome.data == other.data).all()
            assert (outcome.draws == other.draws).all()
            assert len({one.name for one in outcome.statistics}) == len(outcome.statistics)
        measure = next(one for one in MEASURES if one.name == battery.measure)
        if measure.applies(codes) is not None:
            return
        verdict = battery.verdict(measure.measure(codes, RNG(3)), outcomes)
        if verdict is None:
            assert battery.measure not in {claim.measure for claim in CLAIMS.values()}
            return
        assert CLAIMS[verdict.claim].measure == battery.measure
        assert verdict.says.endswith(".")
        assert verdict.holds is None or CLAIMS[verdict.claim].kind == "agreement"  # three draws decide no structure
        json.dumps([verdict.as_json(), *(test.as_json() for outcome in outcomes for test in outcome.tests())])


def test_too_few_codes_are_not_tested_but_said():
    codes = LatentCodes.of(RNG(0).standard_normal((30, 4)))
    found = {
        one.name: one.measure(codes, RNG(0)) for one in MEASURES if one.applies(codes) is None and one.name != "tsne"
    }
    for name, (tests, verdict) in judge(codes, found, RNG(0), draws=3).items():
        assert tests == []
        if verdict is not None and verdict.strength != "descriptive":
            assert verdict.strength == "not testable"
            assert "30 distinct codes in 4 dimensions are too few, it takes 50" in verdict.says, name
