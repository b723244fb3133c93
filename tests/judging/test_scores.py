"""Intervals of shares and means, the classifier, and what codes foretell, against closed forms."""

import numpy as np
import pytest
from scipy.stats import norm

from zscope.errors import ParameterError
from zscope.judging.codes import code_spread, cycle_errors, nearest_code_distances
from zscope.judging.intervals import mean_score, share_score
from zscope.judging.two_sample import chance_accuracy, two_sample_hits


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"), [(0, 10, 0, 0.2775), (5, 10, 0.2366, 0.7634), (95, 100, 0.8882, 0.9785)]
)
def test_wilsons_interval(hits, n, low, high):
    score = share_score(np.arange(n) < hits)
    assert (score.value, score.low, score.high) == pytest.approx((hits / n, low, high), abs=1e-4)


def test_a_mean_has_the_interval_of_normal_theory():
    rng = np.random.default_rng(0)
    values = rng.exponential(size=2000)
    score = mean_score(values, rng)
    reach = 1.96 * values.std() / np.sqrt(2000)
    assert score.value == pytest.approx(values.mean())
    assert (score.value - score.low, score.high - score.value) == pytest.approx((reach, reach), rel=0.15)


def test_too_few_resamples():
    with pytest.raises(ParameterError, match="at least 100"):
        mean_score(np.ones(5), np.random.default_rng(0), 10)


@pytest.mark.parametrize("apart", [1.0, 2.0])
def test_accuracy_on_shifted_gaussians(apart):
    """No classifier exceeds Φ(δ/2); 4,000 held-out points tell it to ± 0.015."""
    rng = np.random.default_rng(1)
    real, images = rng.standard_normal((4000, 4)), rng.standard_normal((4000, 4))
    images[:, 0] += apart
    assert two_sample_hits(real, images, rng).mean() == pytest.approx(norm.cdf(apart / 2), abs=0.025)


def test_a_difference_of_spread_is_seen():
    rng = np.random.default_rng(2)
    assert two_sample_hits(rng.standard_normal((500, 10)), 1.5 * rng.standard_normal((500, 10)), rng).mean() > 0.75


def test_nothing_is_seen_where_nothing_is():
    """Of 200 pairs of equal clouds 95 % ± 3 lie between the bounds of chance, and their intervals hold 0.5."""
    low, high = chance_accuracy(101)
    found = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        hits = two_sample_hits(rng.standard_normal((101, 6)), rng.standard_normal((101, 6)), rng)
        assert len(hits) == 102
        found.append((share_score(hits), low <= hits.mean() <= high))
    assert np.mean([within for _, within in found]) >= 0.91
    assert np.mean([score.low <= 0.5 <= score.high for score, _ in found]) >= 0.91


def test_as_many_of_either_kind():
    with pytest.raises(ParameterError, match="as many as the 20 real ones"):
        two_sample_hits(np.zeros((20, 2)), np.zeros((19, 2)), np.random.default_rng(0))


def test_distances_of_codes():
    rng = np.random.default_rng(3)
    codes = (3 * rng.standard_normal((4000, 4))).astype(np.float32)
    spread = code_spread(codes)
    assert spread == pytest.approx(6, rel=0.03)
    assert cycle_errors(codes, codes + np.float32(3), spread) == pytest.approx(1, rel=0.03)
    squares = cycle_errors(codes, codes[::-1], spread) ** 2
    assert squares.mean() == pytest.approx(2, rel=0.05)
    moved = codes[:5] + np.float32(1e-3)
    assert nearest_code_distances(moved, codes, spread) == pytest.approx(2e-3 / spread, rel=1e-3)
    with pytest.raises(ParameterError, match="differ from each other"):
        code_spread(np.ones((9, 2)))
    with pytest.raises(ParameterError, match="have shape"):
        cycle_errors(codes, codes[:3], spread)
