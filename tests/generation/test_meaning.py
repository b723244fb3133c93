"""What predicts a meaningful image: predictors in closed form, and an AUC whose interval covers."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from zscope.errors import CodesError, ParameterError
from zscope.generation.meaning import NEIGHBOURS, PREDICTORS, Surroundings, auc_below, where_meaningful


def test_auc_is_that_of_scikit_learn_with_smaller_values_first_and_ties_halved():
    rng = np.random.default_rng(0)
    values, meaningful = rng.integers(0, 12, 400).astype(float), rng.random(400) < 0.3
    assert auc_below(values, meaningful).value == pytest.approx(roc_auc_score(meaningful, -values), abs=1e-12)
    assert auc_below(-values, meaningful).value == pytest.approx(1 - auc_below(values, meaningful).value, abs=1e-12)


def test_interval_of_an_auc_solves_its_equation():
    """The bounds θ satisfy |AUC − θ| = z √V(θ) with the variance written out once more."""
    rng = np.random.default_rng(1)
    meaningful = np.arange(90) < 30
    found = auc_below(rng.standard_normal(90) - 1.0 * meaningful, meaningful)
    for theta in (found.low, found.high):
        m, n = 30, 60
        half = (m + n) / 2 - 1
        variance = theta * (1 - theta) / (m * n)
        variance *= 1 + half * (1 - theta) / (2 - theta) + half * theta / (1 + theta)
        assert abs(found.value - theta) == pytest.approx(1.959963985 * np.sqrt(variance), rel=1e-6)


@pytest.mark.parametrize("gap", [0.0, 1.2])
def test_interval_of_an_auc_covers(gap):
    """Two normals a gap apart: AUC Φ(gap / √2). Of 600 intervals of 95 % between 92 % and 98 % hold it (p < 0.001)."""
    rng = np.random.default_rng(2)
    meaningful = np.arange(100) < 35
    truth = norm.cdf(gap / np.sqrt(2))
    inside = 0
    for _ in range(600):
        found = auc_below(rng.standard_normal(100) - gap * meaningful, meaningful)
        inside += found.low <= truth <= found.high
    assert 0.92 <= inside / 600 <= 0.98


@pytest.mark.parametrize("sign", [1, -1])
def test_a_perfect_auc_keeps_an_interval(sign):
    found = auc_below(sign * np.arange(40.0), np.arange(40) < 20)
    end, other = (found.high, found.low) if sign > 0 else (found.low, found.high)
    assert found.value == end == (1.0 if sign > 0 else 0.0)
    assert 0.05 < abs(end - other) < 0.2


def test_auc_of_one_kind_of_image_is_refused():
    with pytest.raises(CodesError, match="got 5 of 5 meaningful"):
        auc_below(np.arange(5.0), np.ones(5, bool))


def test_predictors_are_what_they_say():
    rng = np.random.default_rng(3)
    codes = (rng.standard_normal((300, 4)) * [3, 1, 0.5, 0.1] + [1, 0, 0, 5]).astype(np.float32)
    drawn = (rng.standard_normal((20, 4)) * 2).astype(np.float32)
    again = drawn + np.float32(0.5)
    around = Surroundings(codes)
    found = around.predictors(drawn, again)
    assert list(found) == list(PREDICTORS)
    exact = codes.astype(float)
    centred = drawn - exact.mean(0)
    squares = np.einsum("ij,jk,ik->i", centred, np.linalg.inv(np.cov(exact.T)), centred)
    np.testing.assert_allclose(found["mahalanobis"], np.sqrt(squares), rtol=1e-5)
    apart = np.sort(cdist(drawn, codes), axis=1)[:, :NEIGHBOURS].mean(1)
    spread = np.sqrt(exact.var(0).sum())
    np.testing.assert_allclose(found["neighbour_distance"], apart / spread, rtol=1e-5)
    np.testing.assert_allclose(found["cycle"], 1.0 / spread, rtol=1e-5)
    radii = np.linalg.norm(drawn, axis=1)
    np.testing.assert_allclose(
        found["radius_offset"], np.abs(radii - np.median(np.linalg.norm(codes, axis=1))), rtol=1e-5
    )


def test_a_drawn_code_is_no_neighbour_of_another_drawn_one():
    codes = np.zeros((10, 2), np.float32)
    codes[0] = 1e-3
    drawn = np.full((8, 2), 3.0, np.float32)
    around = Surroundings(codes)
    np.testing.assert_allclose(around.neighbour_distance(drawn), np.sqrt(18) / around.spread, rtol=1e-3)


def test_a_constant_axis_and_few_codes():
    codes = np.zeros((12, 3), np.float32)
    codes[:, 0] = np.arange(12)
    assert np.isfinite(Surroundings(codes).mahalanobis(codes + 1)).all()
    with pytest.raises(CodesError, match="more than 5"):
        Surroundings(codes[:5])


def test_where_meaningful_puts_the_best_first_and_says_why_not():
    rng = np.random.default_rng(4)
    meaningful = np.arange(200) < 60
    strong = rng.standard_normal(200) + 3 * meaningful
    weak = rng.standard_normal(200) - 0.8 * meaningful
    found, why_not = where_meaningful({"radius": weak, "cycle": strong}, meaningful)
    assert list(found) == ["cycle", "radius"]
    assert found["cycle"].high < 0.5 < found["radius"].low
    assert why_not is None
    none, why_not = where_meaningful({"radius": weak}, np.arange(200) < 3)
    assert not none
    assert why_not == "3 of 200 images are meaningful, and at least 10 of each are needed"
    with pytest.raises(ParameterError, match="predictor must be one of radius"):
        where_meaningful({"shoe size": weak}, meaningful)
