"""The mixture: planted groups, its density, the choice of its Gaussians, and many dimensions."""

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from zscope.clouds import CovarianceCloud, MixtureCloud, restored
from zscope.clouds.expectation import gaussians, grouped
from zscope.errors import CodesError, ParameterError

RNG = np.random.default_rng


def planted(rng, n, weights, means, covariances):
    members = rng.choice(len(weights), n, p=weights)
    roots = np.linalg.cholesky(covariances)
    noise = rng.standard_normal((n, means.shape[1]))
    return means[members] + np.einsum("nij,nj->ni", roots[members], noise)


def log_density(codes, weights, means, covariances):
    parts = [
        np.log(weight) + multivariate_normal(mean, covariance).logpdf(codes)
        for weight, mean, covariance in zip(weights, means, covariances, strict=True)
    ]
    return logsumexp(parts, axis=0)


WEIGHTS = np.array([0.4, 0.3, 0.2, 0.1])
MEANS = 4 * RNG(8).standard_normal((4, 3))
COVARIANCES = np.array([root @ root.T + 0.1 * np.eye(3) for root in RNG(9).standard_normal((4, 3, 3))])


class TestFixedNumber:
    def test_finds_the_planted_groups(self):
        rng = RNG(0)
        centres = np.array([[0, 0], [20, 0], [0, 20]])
        fitted = MixtureCloud(3).fit(planted(rng, 6000, [0.5, 0.3, 0.2], centres, np.tile(np.eye(2), (3, 1, 1))))
        order = np.argsort(-fitted.weights_)
        # Standard errors: weights 0.0065, means under 0.03, variances under 0.041.
        assert np.allclose(fitted.weights_[order], [0.5, 0.3, 0.2], atol=0.03)
        assert np.allclose(fitted.means_[order], centres, atol=0.15)
        assert np.allclose(fitted.covariances_, np.eye(2), atol=0.2)
        assert fitted.converged_

    def test_density_against_scipy(self):
        codes = planted(RNG(0), 2000, WEIGHTS, MEANS, COVARIANCES)
        fitted = MixtureCloud(4).fit(codes)
        at = np.r_[codes[:200], 50 * RNG(1).standard_normal((20, 3))]
        expected = log_density(at, fitted.weights_, fitted.means_, fitted.covariances_)
        assert np.allclose(fitted.log_density(at), expected, rtol=1e-9)

    def test_density_of_a_known_mixture_is_recovered(self):
        codes = planted(RNG(1), 20_000, WEIGHTS, MEANS, COVARIANCES)
        fresh = planted(RNG(2), 20_000, WEIGHTS, MEANS, COVARIANCES)
        lost = log_density(fresh, WEIGHTS, MEANS, COVARIANCES) - MixtureCloud(4).fit(codes).log_density(fresh)
        # Twice N times the divergence is χ² of 39 parameters: 0.001 nats on average, 0.0018 in one of 1,000 clouds.
        assert abs(lost.mean()) < 0.0018 + 4 * lost.std() / np.sqrt(len(fresh))
        assert lost.mean() < 0.004

    def test_one_gaussian_is_the_covariance_cloud(self):
        codes = planted(RNG(0), 3000, WEIGHTS, MEANS, COVARIANCES)
        # The ridge is a millionth.
        assert np.allclose(MixtureCloud(1).fit(codes).covariances_[0], np.cov(codes.T), rtol=1e-3, atol=1e-4)
        both = [made.fit(codes).log_density(codes).mean() for made in (MixtureCloud(1), CovarianceCloud())]
        assert abs(both[0] - both[1]) < 1e-4

    @pytest.mark.parametrize("made", [MixtureCloud(1), MixtureCloud()])
    def test_one_gaussian_of_few_codes_is_shrunk_as_the_covariance_cloud(self, made):
        codes = (RNG(0).standard_normal((60, 30)) * np.geomspace(1, 0.1, 30) + 5).astype(np.float32)
        alone = CovarianceCloud().fit(codes)
        fitted = made.fit(codes)
        assert alone.shrinkage_ > 0.05
        assert len(fitted.weights_) == 1
        assert np.allclose(fitted.covariances_[0], alone.drawn_factor_ @ alone.drawn_factor_.T, rtol=1e-3, atol=1e-5)
        assert np.allclose(fitted.log_density(codes), alone.log_density(codes), atol=1e-2)

    @pytest.mark.parametrize("factor", [1e-4, 1e4])
    def test_scale_and_place_of_the_codes_do_not_matter(self, factor):
        codes = planted(RNG(0), 3000, WEIGHTS, MEANS, COVARIANCES)
        plain, moved = MixtureCloud(4).fit(codes), MixtureCloud(4).fit(factor * (codes + 3))
        drawn = moved.draw(100, RNG(1))
        assert np.allclose(drawn / factor - 3, plain.draw(100, RNG(1)), atol=1e-3)
        # A density is one per unit to the power d.
        assert np.allclose(
            moved.log_density(factor * (codes + 3)), plain.log_density(codes) - 3 * np.log(factor), atol=1e-3
        )

    def test_too_few_codes(self):
        with pytest.raises(CodesError, match="10 Gaussians needs at least 20 codes, got 19"):
            MixtureCloud(10).fit(RNG(0).standard_normal((19, 2)))

    def test_few_codes_hold_none_out(self):
        fitted = MixtureCloud(2).fit(RNG(0).standard_normal((19, 2)))
        assert (fitted.judged_on_, fitted.choices_.shape, fitted.pseudo_count_) == (0, (0, 3), 2)

    def test_fewer_distinct_codes_than_components(self):
        drawn = MixtureCloud(3).fit(np.repeat([[1.0, 2.0], [5.0, 6.0]], 10, axis=0)).draw(200, RNG(0))
        nearest = np.minimum(np.abs(drawn - [1, 2]).max(1), np.abs(drawn - [5, 6]).max(1))
        assert nearest.max() < 0.05

    def test_not_converged_is_told_without_a_warning(self, monkeypatch):
        monkeypatch.setattr("zscope.clouds.mixture._MOST_STEPS", 1)
        fitted = MixtureCloud(5).fit(RNG(0).gamma(1, size=(500, 3)))
        assert fitted.iterations_ == 1
        assert not fitted.converged_

    def test_bad_number_is_told_when_fitting(self):
        with pytest.raises(ParameterError, match="number of Gaussians"):
            MixtureCloud(0).fit(np.ones((30, 2)))


class TestChosenNumber:
    def test_one_gaussian_needs_one(self):
        fitted = MixtureCloud().fit(RNG(3).standard_normal((3000, 4)) @ RNG(4).standard_normal((4, 4)))
        assert len(fitted.weights_) == 1
        assert fitted.label == "mixture of 1 Gaussian"
        assert fitted.spec == "mixture"

    def test_groups_far_apart_are_counted(self):
        centres = 30 * RNG(5).standard_normal((10, 5))
        codes = planted(RNG(6), 5000, np.full(10, 0.1), centres, np.tile(np.eye(5), (10, 1, 1)))
        fitted = MixtureCloud().fit(codes)
        tried = fitted.choices_
        assert fitted.judged_on_ == 500
        assert tried[np.argmax(tried[:, 2]), 0] == len(fitted.weights_) >= 10
        # Entropy of the truth: log 10 + 5 / 2 log 2πe nats; held-out codes cannot be likelier but by chance.
        entropy = np.log(10) + 2.5 * np.log(2 * np.pi * np.e)
        assert abs(tried[:, 2].max() + entropy) < 5 * np.sqrt(2.5 / 500) + 0.1

    def test_choice_is_the_held_out_likelihood_of_what_the_rest_made(self):
        codes = planted(RNG(1), 3000, WEIGHTS, MEANS, COVARIANCES)
        fitted = MixtureCloud().fit(codes)
        held_out = codes[RNG(0).permutation(3000)[:300]]
        # The final fit has seen these codes too, so it is a little better: by some 40 parameters over 3,000 codes.
        gain = fitted.log_density(held_out).mean() - fitted.choices_[:, 2].max()
        assert -0.01 < gain < 0.06

    def test_too_few_codes(self):
        with pytest.raises(CodesError, match="needs at least 20 codes, got 19; mixture:1 does with 2"):
            MixtureCloud().fit(RNG(0).standard_normal((19, 2)))

    def test_many_dimensions_with_few_codes_a_group(self):
        # Two groups of 150 codes in 100 dimensions with one covariance: alone, each group's would be nearly singular.
        rng = RNG(7)
        spread = np.geomspace(1, 0.01, 100)
        covariances = np.tile(np.diag(spread), (2, 1, 1))
        means = np.array([np.zeros(100), np.full(100, 0.5)])
        codes = planted(rng, 300, [0.5, 0.5], means, covariances)
        fresh = planted(rng, 2000, [0.5, 0.5], means, covariances)
        fitted = MixtureCloud(2).fit(codes)
        assert fitted.pseudo_count_ >= 300
        truth = log_density(fresh, [0.5, 0.5], means, covariances).mean()
        # One covariance of 300 codes costs about d (d + 1) / (4 N (1 − d / N)²) = 19 nats; one a group, all but
        # singular, hundreds.
        assert truth - fitted.log_density(fresh).mean() < 40


class TestExpectation:
    def test_groups_are_weighted_moments(self):
        points = RNG(0).standard_normal((500, 3))
        shares = RNG(1).dirichlet(np.ones(2), 500).T
        groups = grouped(points, shares)
        for place, own in enumerate(shares):
            assert np.isclose(groups.counts[place], own.sum())
            assert np.allclose(groups.means[place], np.average(points, axis=0, weights=own))
            assert np.allclose(groups.scatters[place] / own.sum(), np.cov(points.T, aweights=own, bias=True))

    def test_large_pseudo_counts_share_one_covariance(self):
        groups = grouped(RNG(0).standard_normal((500, 3)), RNG(1).dirichlet(np.ones(2), 500).T)
        shared = groups.scatters.sum(0) / 500
        assert np.allclose(gaussians(groups, 1e12).covariances, shared, atol=1e-5)
        assert np.allclose(
            gaussians(groups, 1e-9).covariances, groups.scatters / groups.counts[:, None, None], atol=1e-5
        )


def test_saved_mixture_has_the_same_density():
    codes = planted(RNG(0), 500, WEIGHTS, MEANS, COVARIANCES)
    fitted = MixtureCloud().fit(codes)
    assert np.array_equal(restored(fitted.spec, fitted.state()).log_density(codes), fitted.log_density(codes))
