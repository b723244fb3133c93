"""Density, coverage, precision and recall against a direct computation and against their expected values."""

import numpy as np
import pytest

from zscope.errors import ParameterError
from zscope.judging.manifold import (
    coverage_score,
    draw_halves,
    expected_coverage,
    membership,
    precision_and_recall,
)


def normal(seed, n, d):
    return np.random.default_rng(seed).standard_normal((n, d)).astype(np.float32)


def by_hand(real, images, k):
    """Density, coverage and precision after the formulas of Naeem et al., from all distances."""
    among = np.linalg.norm(real[:, None] - real[None], axis=2)
    radii = np.sort(among, axis=1)[:, k]  # the first is the point itself
    inside = np.linalg.norm(real[:, None] - images[None], axis=2) < radii[:, None]
    return inside.sum() / (k * len(images)), inside.any(axis=1).mean(), inside.any(axis=0).mean()


@pytest.mark.parametrize(("n", "m", "d", "k"), [(60, 80, 3, 5), (300, 90, 20, 3), (40, 1, 2, 1)])
def test_as_by_hand(n, m, d, k):
    real, images = normal(0, n, d).astype(float), 0.9 * normal(1, m, d) + 0.2
    balls = membership(real.astype(np.float32), images.astype(np.float32), k)
    assert (balls.density, balls.coverage, balls.inside) == pytest.approx(by_hand(real, images, k))


def test_recall_changes_the_two_sets():
    real, images = normal(0, 200, 4), 0.5 * normal(1, 200, 4)
    precision, recall = precision_and_recall(real, images)
    assert (precision, recall) == pytest.approx((by_hand(real, images, 5)[2], by_hand(images, real, 5)[2]))
    assert precision > recall


@pytest.mark.parametrize(("n", "m", "k"), [(100, 100, 5), (100, 300, 5), (80, 20, 2)])
def test_expected_coverage_and_density(n, m, k):
    """Means over 200 draws of equal distributions; each sd of a mean is under 0.006."""
    found = [membership(normal(seed, n, 8), normal(1000 + seed, m, 8), k) for seed in range(200)]
    assert np.mean([balls.coverage for balls in found]) == pytest.approx(expected_coverage(n, m, k), abs=0.02)
    assert np.mean([balls.density for balls in found]) == pytest.approx(1, abs=0.03)


def test_expected_coverage_of_many_images():
    assert expected_coverage(100_000, 100_000) == pytest.approx(1 - 2**-5, abs=1e-5)


@pytest.mark.parametrize(("scale", "shift"), [(1.3, 0.5), (0.6, 0.3)])
def test_intervals_hold_though_balls_overlap(scale, shift):
    """Over 150 draws 90 to 100 % hold the mean; intervals for independent balls hold some 80 % of the first."""
    real, scores = normal(5, 150, 8), []
    for seed in range(150):
        rng = np.random.default_rng(seed)
        images = (scale * rng.standard_normal((150, 8)) + shift).astype(np.float32)
        scores.append(coverage_score(membership(real, images, 5, draw_halves(150, rng))))
    truth = np.mean([score.value for score in scores])
    assert np.mean([score.low <= truth <= score.high for score in scores]) >= 0.9


def test_halves_are_halves():
    halves = draw_halves(7, np.random.default_rng(0), 50)
    assert halves.shape == (50, 7)
    assert (halves.sum(axis=1) == 3).all()
    assert len(np.unique(halves, axis=0)) > 20


@pytest.mark.slow
def test_figures_of_the_reference_implementation():
    """prdc's README shows one draw of 10,000 from N(0, I) in 1,000 dimensions, k = 5.

    A few images lie in very many balls there, so that draws differ: densities of 0.91 and 1.00 were met.
    """
    real, images = normal(0, 10_000, 1000), normal(1, 10_000, 1000)
    balls = membership(real, images)
    assert balls.density == pytest.approx(1.056, abs=0.2)
    assert balls.coverage == pytest.approx(0.974, abs=0.02)
    assert precision_and_recall(real, images) == pytest.approx((0.477, 0.471), abs=0.04)


def test_features_must_have_the_same_dimensions():
    with pytest.raises(ParameterError, match=r"shape \(m, 3\)"):
        membership(normal(0, 20, 3), normal(1, 20, 2))
