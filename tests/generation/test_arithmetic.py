"""Attribute vectors, against codes whose groups are known."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from zscope.errors import CodesError
from zscope.generation.arithmetic import along, attribute_vector, separation


def planted(n=4000, d=12, seed=0):
    rng = np.random.default_rng(seed)
    shift = np.zeros(d)
    shift[[2, 5]] = 3.0, 4.0
    has = rng.random(n) < 0.3
    codes = rng.standard_normal((n, d)) + has[:, None] * shift
    return codes.astype(np.float32), has, shift


def test_a_planted_direction_is_found():
    codes, has, shift = planted()
    found = attribute_vector(codes, has)
    # Each entry has a standard error of √(1/n₁ + 1/n₂) = 0.034; 0.15 is beyond four.
    np.testing.assert_allclose(found.vector, shift, atol=0.15)
    assert found.length == pytest.approx(5, abs=0.15)
    assert (found.n_with, found.n_without) == (has.sum(), (~has).sum())
    # The variance along it is that within, 1, and that between the means, .3 · .7 · 25: it makes the first axis.
    assert found.spread == pytest.approx(5 / np.sqrt(1 + 0.21 * 25), rel=0.05)
    assert abs(found.leading[0]) > 0.99
    assert found.by_chance == pytest.approx(1 / np.sqrt(12))
    assert len(found.leading) == 10


def test_what_is_unknown_is_in_neither_group():
    codes, has, _ = planted()
    known = np.arange(4000) % 2 == 0
    np.testing.assert_allclose(
        attribute_vector(codes, has, known).vector, attribute_vector(codes[known], has[known]).vector
    )


def test_auc_is_that_of_scikit_learn_with_ties():
    rng = np.random.default_rng(3)
    has = rng.permutation(np.repeat([True, False], [60, 90]))
    scores = np.round(rng.normal(0.7 * has, 1), 1)
    found = separation(scores, has)
    assert found.value == pytest.approx(roc_auc_score(has, scores), abs=1e-12)
    assert found.low < found.value < found.high
    turned = separation(-scores, has)
    assert (turned.low, turned.high) == pytest.approx((1 - found.high, 1 - found.low), abs=1e-6)


@pytest.mark.parametrize(("n", "apart"), [(5, 2.5), (20, 2.5), (160, 3.3)])
def test_the_interval_covers_the_true_auc_of_few_codes_too(n, apart):
    # Two normal clouds: AUC = Φ(distance/√2), here .96 and .99. Of 400 intervals of 95 % at least 92 % cover it, with
    # an error rate below 4e-3 where the true coverage is 95 %; one made of the sample's own variance covers some 80 %.
    rng = np.random.default_rng(5)
    truth, has = norm.cdf(apart / np.sqrt(2)), np.arange(2 * n) < n
    found = [separation(rng.normal(apart * has, 1), has) for _ in range(400)]
    assert np.mean([one.low <= truth <= one.high for one in found]) >= 0.92


def test_groups_that_do_not_overlap_keep_an_interval():
    found = separation(np.array([0.0, 3, 1, 4, 2, 5]), np.array([False, True, False, True, False, True]))
    assert (found.value, found.high) == (1, 1)
    assert 0.3 < found.low < 0.9


def test_adding_the_vector_takes_one_mean_to_the_other():
    codes, has, _ = planted()
    vector = attribute_vector(codes, has).vector
    moved = along(codes[~has].mean(axis=0), vector, np.array([-1.0, 0.0, 1.0]))
    np.testing.assert_allclose(moved[2], codes[has].mean(axis=0), atol=1e-4)
    np.testing.assert_allclose(moved[1], codes[~has].mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(moved[0] + moved[2], 2 * moved[1], atol=1e-4)


def test_groups_must_be_there_and_differ():
    codes, has, _ = planted(50)
    with pytest.raises(CodesError, match="none with it"):
        attribute_vector(codes, np.zeros(50, bool))
    with pytest.raises(CodesError, match="none without it"):
        attribute_vector(codes, has, has)
    with pytest.raises(CodesError, match="the same mean"):
        attribute_vector(np.ones((4, 3), np.float32), np.array([True, False, True, False]))
    with pytest.raises(CodesError, match="needs codes of both, got 0 with and 5 without"):
        separation(np.zeros(5), np.zeros(5, bool))
