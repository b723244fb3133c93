"""The Fréchet distance against closed forms and against an independent root of a matrix."""

import numpy as np
import pytest
from scipy.linalg import sqrtm

from zscope.errors import ParameterError
from zscope.judging.frechet import Moments, frechet_distance, frechet_score, moments_distance


def exact(n, mean, covariance, seed=0):
    """Draw points whose sample moments are exactly these."""
    d = len(mean)
    points = np.random.default_rng(seed).standard_normal((n, d))
    points -= points.mean(axis=0)
    points = points @ np.linalg.inv(np.linalg.cholesky(np.cov(points.T))).T
    return points @ np.linalg.cholesky(covariance).T + mean


def test_gaussians_with_common_axes():
    """Σ (μ₁ − μ₂)² + (σ₁ − σ₂)²."""
    first = exact(60, np.array([1.0, 0, -2]), np.diag([1.0, 4, 9]))
    second = exact(80, np.array([0.0, 0, 1]), np.diag([4.0, 4, 1]), seed=1)
    assert frechet_distance(first, second) == pytest.approx((1 + 9) + (1 + 0 + 4), rel=1e-9)


def test_any_covariances_as_by_a_complex_root():
    rng = np.random.default_rng(2)
    first, second = (rng.standard_normal((200, 6)) @ rng.standard_normal((6, 6)) for _ in range(2))
    a, b = np.cov(first.T), np.cov(second.T)
    apart = first.mean(axis=0) - second.mean(axis=0)
    wanted = apart @ apart + np.trace(a + b - 2 * sqrtm(a @ b).real)
    assert frechet_distance(first, second) == pytest.approx(wanted, rel=1e-8)
    assert frechet_distance(second, first) == pytest.approx(wanted, rel=1e-8)


def test_a_set_is_at_no_distance_from_itself_even_in_a_plane():
    points = np.random.default_rng(3).standard_normal((50, 2)) @ np.ones((2, 5))
    assert frechet_distance(points, points) == pytest.approx(0, abs=1e-6)


def test_groups_left_out_are_left_out():
    """With as many groups as points, each leave-one-out distance is that of the points without it."""
    rng = np.random.default_rng(4)
    points, real = rng.standard_normal((12, 2)) + 1, Moments.of(rng.standard_normal((40, 2)))
    left = np.array([moments_distance(Moments.of(np.delete(points, row, axis=0)), real) for row in range(12)])
    spread = np.sqrt(11 / 12 * np.sum((left - left.mean()) ** 2))
    score = frechet_score(points, real, rng)
    assert score.value == pytest.approx(moments_distance(Moments.of(points), real))
    assert score.high - score.value == pytest.approx(2.200985 * spread, rel=1e-5)  # t with 11 degrees of freedom


@pytest.mark.parametrize(("scale", "shift", "least", "most"), [(1.0, 0.0, 0.95, 1.0), (1.3, 0.5, 0.90, 0.99)])
def test_intervals_hold(scale, shift, least, most):
    """Over 200 draws, 95 % ± 3 of the intervals hold the mean distance; they are too wide where nothing differs."""
    real = Moments.of(np.random.default_rng(5).standard_normal((3000, 6)))
    scores = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        scores.append(frechet_score(scale * rng.standard_normal((150, 6)) + shift, real, rng))
    truth = np.mean([score.value for score in scores])
    assert least <= np.mean([score.low <= truth <= score.high for score in scores]) <= most


def test_one_image_has_no_moments():
    with pytest.raises(ParameterError, match="at least 2 images"):
        frechet_distance(np.zeros((1, 3)), np.zeros((5, 3)))
