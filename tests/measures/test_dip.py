"""Hartigan's dip against its definition."""

import numpy as np
import pytest
from scipy.optimize import linprog

from zscope.measures.dip import dip

RNG = np.random.default_rng


def by_definition(values):
    """Smallest D such that a function, convex before one of the values and concave after it, is within D of the steps.

    For each place of the peak a linear programme in the function's values at the points and D.
    """
    x, n = np.sort(values), len(values)
    slopes = np.zeros((n - 1, n))
    for i in range(n - 1):
        slopes[i, i], slopes[i, i + 1] = -1 / (x[i + 1] - x[i]), 1 / (x[i + 1] - x[i])
    after, before = np.arange(1, n + 1) / n, np.arange(n) / n
    best = 1.0
    for peak in range(n):
        bends = np.diff(slopes, axis=0)
        bends[: max(peak - 1, 0)] *= -1  # convex: slopes rise
        bends = np.delete(bends, peak - 1, axis=0) if 0 < peak < n - 1 else bends
        if peak in (0, n - 1):
            bends = np.diff(slopes, axis=0) * (1 if peak == 0 else -1)
        rows = np.vstack(
            [
                np.column_stack([bends, np.zeros(len(bends))]),
                np.column_stack([-slopes, np.zeros(n - 1)]),
                np.column_stack([-np.eye(n), -np.ones(n)]),
                np.column_stack([np.eye(n), -np.ones(n)]),
            ]
        )
        bounds = np.concatenate([np.zeros(len(bends) + n - 1), -after, before])
        found = linprog([*np.zeros(n), 1], A_ub=rows, b_ub=bounds, bounds=[(0, 1)] * n + [(0, 1)])
        best = min(best, found.fun)
    return best


@pytest.mark.parametrize("seed", range(6))
def test_is_the_distance_from_the_nearest_function_with_one_peak(seed):
    rng = RNG(seed)
    n = int(rng.integers(5, 25))
    values = np.concatenate([rng.standard_normal(n), rng.uniform(0, 6) + rng.exponential(size=n // 2)])
    assert dip(values) == pytest.approx(by_definition(values), abs=1e-7)


def test_closed_forms():
    assert dip(np.linspace(0, 1, 50)) == pytest.approx(1 / 100)
    # Two far peaks without width: the function climbs the gap as a line, half the smaller share off at either.
    assert dip(np.array([0.0, 0.0, 1.0, 1.0])) == pytest.approx(1 / 4)
    narrow = np.concatenate([np.linspace(0, 1e-6, 300), np.linspace(1, 1 + 1e-6, 700)])
    assert dip(narrow) == pytest.approx(0.3 / 2, abs=2e-3)
    assert dip(np.ones(9)) == dip(np.ones(1)) == 0


def test_does_not_depend_on_order_place_scale_or_sign():
    values = np.concatenate([RNG(1).standard_normal(300), 3 + RNG(2).standard_normal(200)])
    expected = dip(np.sort(values))
    assert expected > 0.02
    for same in (values, 1e3 + 5 * values, -values):
        assert dip(same) == pytest.approx(expected, abs=1e-12)


def test_two_peaks_stand_out():
    # 95 % of normal samples of 1,000 have a dip below 0.0133 (uniform ones, the worst case, 0.0148).
    one = [dip(RNG(seed).standard_normal(1000)) for seed in range(100)]
    assert np.mean(np.array(one) < 0.0148) >= 0.95
    two = np.concatenate([RNG(0).standard_normal(500), 4 + RNG(1).standard_normal(500)])
    assert dip(two) > 0.03
