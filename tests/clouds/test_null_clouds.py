"""What the null clouds keep exactly, what they break, and that they are fair opponents."""

import tracemalloc

import numpy as np
import pytest
from scipy.special import ndtri
from scipy.stats import beta, chi2, chisquare, kstest, rankdata

from zscope.clouds import CopulaCloud, EllipticalCloud, PermutedCloud, cloud
from zscope.clouds.matching import even_ranks, inverse_root, with_moments
from zscope.errors import CodesError

RNG = np.random.default_rng


def normal_scores(codes):
    return ndtri(rankdata(codes, axis=0) / (len(codes) + 1))


def student(rng, n, d, degrees):
    """Student t with a random covariance, all axes with one common scale: elliptical."""
    table = rng.standard_normal((n, d)) / np.sqrt(rng.chisquare(degrees, (n, 1)) / degrees)
    return (table @ rng.standard_normal((d, d)) + 5).astype(np.float32)


def lognormal(rng, n, d, skew=1.0):
    """Gaussian copula with lognormal axes, and its correlation."""
    mixing = rng.standard_normal((d, d)) + np.eye(d)
    mixing /= np.linalg.norm(mixing, axis=0)
    return np.exp(skew * (rng.standard_normal((n, d)) @ mixing)).astype(np.float32), mixing.T @ mixing


def tyler(codes):
    """Tyler's shape about the mean, with trace 1, by his fixed point in its textbook form."""
    centred = codes.astype(np.float64) - codes.astype(np.float64).mean(0)
    shape = np.cov(centred.T)
    for _ in range(100):
        squares = np.einsum("ij,jk,ik->i", centred, np.linalg.inv(shape), centred)
        shape = (centred / squares[:, None]).T @ centred
        shape /= np.trace(shape)
    return shape


def radii_in(shape, codes):
    """Lengths in units of a shape about the mean, in rising order, with root mean square 1."""
    centred = codes.astype(np.float64) - codes.astype(np.float64).mean(0)
    squares = np.sort(np.einsum("ij,jk,ik->i", centred, np.linalg.inv(shape), centred))
    return np.sqrt(squares / squares.mean())


def apart(shape, other):
    """Largest relative difference of two shapes along any direction."""
    root = np.linalg.inv(np.linalg.cholesky(other))
    return np.abs(np.linalg.eigvalsh(root @ shape @ root.T) - 1).max()


class TestElliptical:
    @pytest.mark.parametrize(("n", "d", "degrees"), [(500, 2, 8), (4000, 6, 3), (4000, 6, 100), (1500, 32, 4)])
    def test_matched_draw_keeps_mean_shape_and_radii(self, n, d, degrees):
        codes = student(RNG(1), n, d, degrees)
        fitted = EllipticalCloud().fit(codes)
        drawn = fitted.draw_matched(n, RNG(2))
        sd = codes.std(0)
        assert np.all(np.abs(drawn.mean(0, dtype=np.float64) - codes.mean(0, dtype=np.float64)) < 1e-5 * sd)
        shape = tyler(codes)
        # "About a thousandth" of the shape, along the worst direction, and less of the root mean square radius.
        learnt = fitted.factor_ @ fitted.factor_.T
        assert apart(learnt / np.trace(learnt), shape) < 3e-3
        assert apart(tyler(drawn), shape) < 4e-3
        assert np.sqrt(np.mean((radii_in(tyler(drawn), drawn) - radii_in(shape, codes)) ** 2)) < 1e-3
        assert np.isclose(np.mean(fitted.radii_**2), d * (n - 1) / n)

    def test_radii_are_distances_of_the_codes_in_its_ellipsoid(self):
        codes = student(RNG(3), 900, 4, 5)
        fitted = EllipticalCloud().fit(codes)
        own = radii_in(fitted.factor_ @ fitted.factor_.T, codes)
        assert fitted.converged_
        assert np.allclose(fitted.radii_, own * np.sqrt(4 * 899 / 900), rtol=1e-4)

    def test_covariance_is_kept_up_to_chance_if_the_codes_are_elliptical(self):
        # The mean over 200 draws: 5 standard errors, and what 4,000 codes' own covariance has by chance.
        codes = student(RNG(1), 4000, 3, 8)
        fitted = EllipticalCloud().fit(codes)
        found = np.array([np.cov(fitted.draw_matched(4000, rng).T) for rng in RNG(2).spawn(200)])
        own = np.cov(codes.T.astype(np.float64))
        assert np.all(np.abs(found.mean(0) - own) < 5 * found.std(0) * np.sqrt(1 + 1 / 200))

    def test_one_dimension(self):
        # Only signs are free: putting the mean right moves every radius by the mean of n signed ones, 1 / sqrt(n).
        codes = RNG(0).gamma(2, size=(1000, 1))
        drawn = EllipticalCloud().fit(codes).draw_matched(1000, RNG(1))
        assert np.allclose(drawn.mean(), codes.mean(), rtol=1e-5)
        off = np.sort(np.abs(drawn - drawn.mean()), axis=0) - np.sort(np.abs(codes - codes.mean()), axis=0)
        assert np.abs(off).max() < 5 * codes.std() / np.sqrt(1000)

    def test_an_outlier_is_one_radius(self):
        # It makes the covariance, but neither shape nor draws but for its own.
        codes = RNG(0).standard_normal((3000, 5))
        codes[0] *= 200
        drawn = EllipticalCloud().fit(codes).draw_matched(3000, RNG(1))
        lengths = np.sort(np.linalg.norm(drawn - drawn.mean(0), axis=1))
        expected = np.sort(np.linalg.norm(codes - codes.mean(0), axis=1))
        # Along every quantile, within 5 standard errors of the shape's trace, 5 · sqrt(2 / (5 · 3000)).
        assert np.allclose(lengths[:-1][100::100], expected[:-1][100::100], rtol=0.06)
        assert 0.5 < lengths[-1] / expected[-1] < 2

    @pytest.mark.parametrize("n", [100, 9000])
    def test_another_number_of_points(self, n):
        codes = student(RNG(1), 3000, 4, 5)
        fitted = EllipticalCloud().fit(codes)
        drawn = fitted.draw_matched(n, RNG(2))
        shape = fitted.factor_ @ fitted.factor_.T
        centred = drawn.astype(np.float64) - drawn.mean(0, dtype=np.float64)
        found = np.sort(np.sqrt(np.einsum("ij,jk,ik->i", centred, np.linalg.inv(shape), centred)))
        assert np.allclose(found, fitted.radii_[even_ranks(n, 3000)], rtol=0.02, atol=0.02)

    def test_codes_that_have_no_shape_of_tyler(self):
        # Nine of ten codes on a line through the mean: the covariance's shape instead.
        line = np.c_[RNG(0).standard_normal(900), np.zeros(900)]
        rest = RNG(1).standard_normal((50, 2))
        codes = np.r_[line - line.mean(0), rest, -rest]
        fitted = EllipticalCloud().fit(codes)
        assert not fitted.converged_
        assert np.allclose(fitted.factor_ @ fitted.factor_.T, np.cov(codes.T), rtol=1e-6, atol=1e-9)
        assert np.isfinite(fitted.draw_matched(1000, RNG(0))).all()

    def test_it_breaks_the_directions(self):
        # Codes along two lines; drawn directions are uniform on the sphere: cos² to any axis ~ Beta(1/2, (d − 1)/2).
        rng = RNG(3)
        d, n = 6, 5000
        lines = np.linalg.qr(rng.standard_normal((d, d)))[0]
        codes = rng.standard_normal((n, 1)) * lines[rng.integers(0, 2, n)] + 0.02 * rng.standard_normal((n, d))
        for made in (EllipticalCloud().fit(codes).draw_matched(n, rng), EllipticalCloud().fit(codes).draw(n, rng)):
            centred = made - made.mean(0)
            whitened = centred @ np.linalg.inv(np.linalg.cholesky(np.cov(centred.T))).T
            cosines = (whitened / np.linalg.norm(whitened, axis=1, keepdims=True)) ** 2
            # 12 tests of level 0.001.
            assert min(kstest(one, beta(0.5, (d - 1) / 2).cdf).pvalue for one in cosines.T) > 1e-3

    def test_plain_draw_takes_the_codes_radii(self):
        codes = student(RNG(1), 2000, 5, 3)
        fitted = EllipticalCloud().fit(codes)
        centred = fitted.draw(500, RNG(0)).astype(np.float64) - fitted.mean_
        inverse = np.linalg.inv(fitted.factor_ @ fitted.factor_.T)
        radii = np.sqrt(np.einsum("ij,jk,ik->i", centred, inverse, centred))
        nearest = np.abs(fitted.radii_[:, None] - radii).min(axis=0)
        assert np.all(nearest < 1e-4 * radii + 1e-5)

    def test_singular_covariance(self):
        plane, embedding = RNG(0).standard_normal((300, 2)), RNG(1).standard_normal((2, 5))
        fitted = EllipticalCloud().fit(plane @ embedding)
        assert fitted.factor_.shape == (5, 2)
        drawn = fitted.draw_matched(300, RNG(0))
        assert np.linalg.matrix_rank(drawn - drawn.mean(0), tol=1e-3) == 2
        assert apart(tyler(drawn @ np.linalg.pinv(embedding)), tyler(plane)) < 4e-3


class TestCopula:
    @pytest.mark.parametrize("n", [300, 5000])
    def test_matched_draw_keeps_every_value_and_the_rank_correlations(self, n):
        codes, _ = lognormal(RNG(1), n, 8)
        drawn = CopulaCloud().fit(codes).draw_matched(n, RNG(2))
        assert np.array_equal(np.sort(drawn, axis=0), np.sort(codes, axis=0))
        scores, own = np.corrcoef(normal_scores(drawn).T), np.corrcoef(normal_scores(codes).T)
        # The promise is 2 / n as a standard deviation; 28 pairs within 5 of them.
        assert np.abs(scores - own).max() < 10 / n
        # Spearman's follow for codes that are a Gaussian copula. They still vary by about 0.4 / sqrt(n).
        spearman = np.corrcoef(rankdata(drawn, axis=0).T) - np.corrcoef(rankdata(codes, axis=0).T)
        assert np.abs(spearman).max() < 2 / np.sqrt(n)

    def test_correlation_it_learns(self):
        codes, truth = lognormal(RNG(1), 20_000, 8, skew=2)
        # Standard error (1 − ρ²) / sqrt(n) at most, as of a Gaussian's own correlation; 28 pairs within 5 of them.
        assert np.abs(CopulaCloud().fit(codes).correlation_ - truth).max() < 5 / np.sqrt(20_000)

    def test_small_variances_along_directions_are_repeated(self):
        # Down to 0.006 of an axis's own, where Spearman's correlations are themselves off by a quarter. What is added,
        # 6 / n = 0.0006, is a tenth of that.
        rng = RNG(4)
        turn = np.linalg.qr(rng.standard_normal((32, 32)))[0]
        codes = rng.standard_normal((10_000, 32)) * np.geomspace(1, 0.03, 32) @ turn
        drawn = CopulaCloud().fit(codes).draw_matched(10_000, rng)
        own = np.corrcoef(codes.T)
        assert 0.005 < np.linalg.eigvalsh(own)[0] < 0.007
        whiten = np.linalg.inv(np.linalg.cholesky(own))
        found = np.linalg.eigvalsh(whiten @ np.corrcoef(drawn.T) @ whiten.T)
        assert 0.98 < found[0] < 1 < found[-1] < 1.15

    def test_scores_of_a_draw_are_gaussian(self):
        # Codes whose dependence is of another kind: scores of the draw still have sᵀ R⁻¹ s ~ χ² with d degrees.
        rng = RNG(5)
        half = rng.standard_normal((5000, 3))
        codes = np.c_[half, half**2 + 0.3 * rng.standard_normal((5000, 3)) + half]
        fitted = CopulaCloud().fit(codes)
        inverse = np.linalg.inv(fitted.correlation_)

        def squared(table):
            scores = normal_scores(table)
            return np.einsum("ij,jk,ik->i", scores, inverse, scores)

        assert kstest(squared(codes), chi2(6).cdf).pvalue < 1e-6
        assert kstest(squared(fitted.draw_matched(5000, rng)), chi2(6).cdf).pvalue > 1e-3
        assert kstest(squared(fitted.draw(5000, rng)), chi2(6).cdf).pvalue > 1e-3

    def test_one_axis_cut_off_at_zero(self):
        # The correlation before the cut is found exactly where one axis of a pair is cut: within 5 standard errors of
        # 1.2 / sqrt(n). Left alone it would be 0.54 and not 0.6.
        truth = np.array([[1, 0.6], [0.6, 1]])
        codes = RNG(0).multivariate_normal([0, 0], truth, 40_000)
        codes[:, 1] = np.maximum(codes[:, 1], 0)
        assert abs(CopulaCloud().fit(codes).correlation_[0, 1] - 0.6) < 6 / np.sqrt(40_000)

    def test_all_axes_cut_off_at_zero(self):
        # To first order where both are cut: correlations of the values within 0.05, and every value kept.
        truth = [[1, 0.6, -0.5], [0.6, 1, 0.2], [-0.5, 0.2, 1]]
        codes = np.maximum(RNG(0).multivariate_normal([0, 0.5, -0.8], truth, 20_000), 0).astype(np.float32)
        drawn = CopulaCloud().fit(codes).draw_matched(20_000, RNG(1))
        assert np.array_equal(np.sort(drawn, axis=0), np.sort(codes, axis=0))
        assert np.abs(np.corrcoef(drawn.T) - np.corrcoef(codes.T)).max() < 0.05

    def test_equal_axes_stay_equal(self):
        codes = RNG(0).gamma(1, size=(500, 1)) * [1.0, 2.0, -1.0]
        ranks = rankdata(CopulaCloud().fit(codes).draw_matched(500, RNG(0)) * [1, 1, -1], axis=0)
        # Up to neighbours in rank, whose Gaussians are nearer than the correlation is exact.
        assert np.abs(ranks - ranks[:, :1]).max() <= 2

    @pytest.mark.parametrize("n", [250, 2000])
    def test_another_number_of_points(self, n):
        codes, _ = lognormal(RNG(1), 1000, 4)
        drawn = CopulaCloud().fit(codes).draw_matched(n, RNG(2))
        assert np.array_equal(np.sort(drawn, axis=0), np.sort(codes, axis=0)[even_ranks(n, 1000)])
        scores, own = np.corrcoef(normal_scores(drawn).T), np.corrcoef(normal_scores(codes).T)
        assert np.abs(scores - own).max() < 20 / min(n, 1000)


class TestPermuted:
    def test_matched_draw_keeps_every_value_and_breaks_dependence(self):
        n, d = 4000, 8
        rng = RNG(0)
        shared = rng.standard_normal((n, 1))
        codes = (shared + 0.1 * rng.gamma(1, size=(n, d))).astype(np.float32)
        drawn = PermutedCloud().fit(codes).draw_matched(n, rng)
        assert np.array_equal(np.sort(drawn, axis=0), np.sort(codes, axis=0))
        # A permutation's correlation has variance 1 / (n − 1), so that the sum over 28 pairs is χ².
        pairs = np.corrcoef(drawn.T.astype(np.float64))[np.triu_indices(d, 1)]
        assert np.abs(pairs).max() < 5 / np.sqrt(n)
        assert chi2(28).cdf(1e-3) < chi2(28).cdf((n - 1) * np.sum(pairs**2)) < 0.999

    def test_every_permutation_is_as_likely(self):
        # 4 values: 24 orders of an axis, 6,000 axes; χ² of level 0.001.
        codes = np.repeat([[1.0], [2.0], [3.0], [4.0]], 6000, axis=1)
        drawn = PermutedCloud().fit(codes).draw_matched(4, RNG(0)).astype(int)
        _, counts = np.unique(drawn.T @ [1000, 100, 10, 1], return_counts=True)
        assert len(counts) == 24
        assert chisquare(counts).pvalue > 1e-3

    def test_plain_draw_takes_values_as_often_as_the_codes_have_them(self):
        codes = np.repeat([[0.0, 5.0], [1.0, 5.0], [2.0, 6.0]], [50, 30, 20], axis=0)
        drawn = PermutedCloud().fit(codes).draw(20_000, RNG(0))
        counts = [[np.sum((drawn == pair).all(1)) for pair in ((0, 5), (0, 6), (1, 5), (1, 6), (2, 5), (2, 6))]]
        expected = 20_000 * np.outer([0.5, 0.3, 0.2], [0.8, 0.2]).ravel()
        assert chisquare(counts[0], expected).pvalue > 1e-3

    def test_another_number_of_points(self):
        codes = RNG(0).standard_normal((1000, 2)).astype(np.float32)
        drawn = PermutedCloud().fit(codes).draw_matched(250, RNG(1))
        assert np.array_equal(np.sort(drawn, axis=0), np.sort(codes, axis=0)[even_ranks(250, 1000)])


@pytest.mark.parametrize(
    ("name", "n", "d", "make"),
    [
        ("permuted", 200, 5, lambda rng, n, d: rng.gamma(1, size=(n, d)) * np.arange(1, d + 1)),
        ("copula", 400, 5, lambda rng, n, d: lognormal(rng, n, d)[0]),
        ("covariance", 200, 5, lambda rng, n, d: rng.standard_normal((n, d)) @ rng.standard_normal((d, d))),
        ("covariance", 200, 60, lambda rng, n, d: rng.standard_normal((n, d)) @ rng.standard_normal((d, d))),
        ("elliptical", 200, 5, lambda rng, n, d: student(rng, n, d, 4)),
        ("elliptical", 300, 40, lambda rng, n, d: student(rng, n, d, 4)),
    ],
)
def test_codes_that_are_as_the_null_says_look_like_its_draws(name, n, d, make):
    """The mean distance to the nearest neighbour of codes has a uniform rank among 9 draws: χ² over 5 of level 0.001.

    Draws that did not share what they should with the codes would put it at either end: a Gaussian draw from the codes'
    covariance that is not whitened does in 60 dimensions, and so do radii measured by the covariance in 40. Copula
    draws are looser by 1 %, too little to be seen in 80 clouds of 400 points.
    """
    rng = RNG(7)

    def distance(table):
        squares = np.square(table).sum(1)
        apart = squares[:, None] + squares - 2 * table @ table.T
        np.fill_diagonal(apart, np.inf)
        return np.sqrt(apart.min(axis=1)).mean()

    ranks = []
    for _ in range(80):
        codes = make(rng, n, d)
        fitted = cloud(name).fit(codes)
        own = distance(codes.astype(np.float64))
        ranks.append(sum(distance(fitted.draw_matched(n, rng).astype(np.float64)) < own for _ in range(9)))
    assert chisquare(np.histogram(ranks, bins=[0, 2, 4, 6, 8, 10])[0]).pvalue > 1e-3


@pytest.mark.parametrize("name", ["copula", "covariance", "elliptical"])
def test_too_few_points_for_moments(name):
    fitted = cloud(name).fit(RNG(0).standard_normal((50, 6)))
    with pytest.raises(CodesError, match="more points than the 6 dimensions, got 6"):
        fitted.draw_matched(6, RNG(0))


@pytest.mark.parametrize("name", ["permuted", "copula", "covariance", "elliptical"])
def test_memory(name):
    """A null draw holds no more than one table of double precision, with its result: half of that is the result."""
    n, d = 30_000, 128
    codes = RNG(0).standard_normal((n, d), dtype=np.float32)
    fitted = cloud(name).fit(codes)
    tracemalloc.start()
    try:
        fitted.draw_matched(n, RNG(0))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # Besides the tables: 64 axes or 8,192 rows at a time, and a few columns of ranks and lengths.
    assert peak < 8 * n * d + 8 * 64 * n + 8 * 8192 * d + 10 * 8 * n


class TestMatching:
    @pytest.mark.parametrize(("n", "of"), [(1, 1), (7, 7), (3, 10), (10, 3), (1000, 999), (1_000_000, 999_983)])
    def test_even_ranks(self, n, of):
        ranks = even_ranks(n, of)
        assert ranks[0] >= 0
        assert ranks[-1] < of
        counts = np.bincount(ranks, minlength=of)
        # As even as whole numbers allow, and the same from either end up to one.
        assert counts.min() >= n // of
        assert counts.max() <= -(-n // of)
        assert np.abs(ranks + ranks[::-1] - (of - 1)).max() <= 1

    def test_inverse_root(self):
        matrix = np.cov(RNG(0).standard_normal((4, 20)))
        root, variances = inverse_root(matrix)
        assert np.allclose(root, root.T)
        assert np.allclose(root @ matrix @ root, np.eye(4))
        assert np.allclose(np.prod(variances), np.linalg.det(matrix))

    def test_moments_given_to_points(self):
        points = RNG(0).standard_normal((20_000, 4)) @ RNG(1).standard_normal((4, 4)) + 0.1
        factor = RNG(2).standard_normal((6, 4))
        made = with_moments(points, np.arange(6.0), factor).astype(np.float64)
        assert np.allclose(made.mean(0), np.arange(6), atol=1e-6)
        assert np.allclose(np.cov(made.T), factor @ factor.T, atol=1e-5)
