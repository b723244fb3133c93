"""The inertia curve of k-means."""

import numpy as np
import pytest
from sklearn.cluster import KMeans

from zscope.measures.base import LatentCodes
from zscope.measures.inertia import CODES_PER_CENTRE, InertiaMeasure, inertia_curve

RNG = np.random.default_rng


def four_groups(n=200, d=6):
    centres = 30 * np.eye(4, d)
    members = np.arange(n) % 4
    return (centres[members] + RNG(0).standard_normal((n, d))).astype(np.float32), members


class TestInertia:
    def test_planted_groups(self):
        codes, _ = four_groups(2000)
        values = InertiaMeasure(most=8).measure(LatentCodes.of(codes + 1000), RNG(0)).values
        assert values["k"] == [2, 4, 6, 8]
        assert values["n"] == 2000
        # With the four centres found, what is left is the variance 1 in 6 dimensions.
        assert values["inertia"][1] == pytest.approx(6, rel=0.03)
        # With two, half the groups share a centre with their like: 3 groups about their mean are 30² · 2/3 away.
        assert values["inertia"][0] > 300
        assert values["inertia"][3] < 6

    def test_curve_is_the_mean_squared_distance(self):
        codes = RNG(0).standard_normal((200, 3)).astype(np.float32)
        assert inertia_curve(codes, [1], RNG(0)) == pytest.approx(codes.var(0).sum(), rel=1e-5)

    def test_as_tight_as_scikit_learn(self):
        codes = RNG(1).standard_normal((3000, 12)).astype(np.float32) * np.arange(1, 13)
        numbers = [2, 4, 8, 16, 30]
        theirs = [KMeans(k, n_init=3, random_state=0).fit(codes).inertia_ / len(codes) for k in numbers]
        # The best of three starts of each k; where there is nothing to find, solutions differ by some 1 %.
        assert inertia_curve(codes, numbers, RNG(0)) == pytest.approx(theirs, rel=0.02)

    def test_centres_are_fitted_to_a_choice_and_judged_by_all(self):
        codes, _ = four_groups(2 * 4 * CODES_PER_CENTRE)
        values = InertiaMeasure(most=4).measure(LatentCodes.of(codes), RNG(0)).values
        assert values["fitted"] == 4 * CODES_PER_CENTRE
        assert values["inertia"][1] == pytest.approx(6, rel=0.05)

    def test_default_numbers_of_centres(self):
        codes = LatentCodes.of(RNG(0).standard_normal((90, 2)))
        assert InertiaMeasure().measure(codes, RNG(0)).values["k"] == list(range(2, 81, 2))

    def test_bounded_by_the_codes_and_tells_progress(self):
        told = []
        codes = LatentCodes.of(RNG(0).standard_normal((7, 2)))
        values = InertiaMeasure().measure(
            codes, RNG(0), lambda what, done, total, **figures: told.append((done, total))
        )
        assert values.values["k"] == [2, 4, 6]
        assert told == [(1, 3), (2, 3), (3, 3)]

    def test_equal_codes(self):
        assert InertiaMeasure().measure(LatentCodes.of(np.ones((9, 2))), RNG(0)).values["inertia"] == [0, 0, 0, 0]
