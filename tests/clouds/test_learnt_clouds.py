"""The trained clouds: the flow and the second autoencoder, on densities that are known."""

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from zscope.clouds import CovarianceCloud, FlowCloud, SecondStageCloud, networks, restored
from zscope.errors import FormatError

RNG = np.random.default_rng


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(networks, "MOST_STEPS", 120)
    monkeypatch.setattr(networks, "BATCH", 256)


def crescent(rng, n):
    """z₂ given z₁ ~ N(z₁² / 2, 0.3²), z₁ ~ N(0, 1): far from any ellipsoid."""
    first = rng.standard_normal(n)
    return np.c_[first, first**2 / 2 + 0.3 * rng.standard_normal(n)]


CRESCENT_ENTROPY = 1 + np.log(2 * np.pi) + np.log(0.3)


def nearest_shares(drawn, fresh):
    """Share of points whose nearest other point, of both clouds, is of their own cloud: ½ if they are alike."""
    both = np.r_[drawn, fresh].astype(np.float64)
    squares = np.square(both).sum(1)
    apart = squares[:, None] + squares - 2 * both @ both.T
    np.fill_diagonal(apart, np.inf)
    own = np.arange(len(both)) < len(drawn)
    return np.mean(own[apart.argmin(axis=1)] == own)


def trained(kind, steps, batch, n):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(networks, "MOST_STEPS", steps)
        patch.setattr(networks, "BATCH", batch)
        return kind().fit(crescent(RNG(0), n))


@pytest.fixture(scope="module")
def flow():
    return trained(FlowCloud, 250, 256, 3000)


@pytest.fixture(scope="module")
def second():
    return trained(SecondStageCloud, 1000, 128, 2000)


class TestFlow:
    def test_learns_a_crescent(self, flow):
        fresh = crescent(RNG(1), 3000)
        lost = -flow.log_density(fresh).mean() - CRESCENT_ENTROPY
        gaussian = -CovarianceCloud().fit(fresh).log_density(fresh).mean() - CRESCENT_ENTROPY
        assert gaussian > 0.4
        # Five standard errors of the mean log-density, 1 / sqrt(3000), below; a tenth of a nat above.
        assert -0.1 < lost < 0.1

    def test_draws_are_as_the_crescent(self, flow):
        drawn, fresh = flow.draw(4000, RNG(2)).astype(np.float64), crescent(RNG(3), 1500)
        # E z₂ = ½, sd (0.5 + 0.09)^½: within 0.1 of a flow that has lost under 0.1 nats.
        assert np.allclose(drawn.mean(0), [0, 0.5], atol=0.1)
        assert np.allclose(drawn.std(0), [1, np.sqrt(0.59)], atol=0.12)
        # Under equality the share is ½ with a standard error of about 0.014; a Gaussian of the same moments is told.
        assert abs(nearest_shares(drawn[:1500], fresh) - 0.5) < 0.06
        assert nearest_shares(CovarianceCloud().fit(fresh).draw(1500, RNG(4)), fresh) > 0.58

    def test_density_integrates_to_one(self, flow):
        axis = np.linspace(-8, 16, 300)
        grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
        assert np.isclose(np.exp(logsumexp(flow.log_density(grid))) * (axis[1] - axis[0]) ** 2, 1, atol=0.01)

    def test_restored_flow_has_the_same_density(self, flow):
        again = restored("flow", flow.state())
        assert np.array_equal(again.log_density(crescent(RNG(5), 50)), flow.log_density(crescent(RNG(5), 50)))

    def test_gaussian_codes_stay_gaussian(self):
        codes, fresh = RNG(0).standard_normal((2, 3000, 6)) @ RNG(1).standard_normal((6, 6))
        gaussian = CovarianceCloud().fit(codes).log_density(fresh).mean()
        made = FlowCloud().fit(codes)
        assert made.log_density(fresh).mean() > gaussian - 0.05
        # What it says of its held-out tenth is the mean of 300 codes' log-densities, each with an sd of sqrt(3).
        assert abs(made.held_out_ - gaussian) < 5 * np.sqrt(3 / 300) + 0.05

    def test_one_dimension(self):
        codes = RNG(0).gamma(2, size=(2000, 1))
        fitted = FlowCloud().fit(codes)
        axis = np.linspace(-5, 30, 4000)[:, None]
        assert np.isclose(np.exp(fitted.log_density(axis)).sum() * (axis[1, 0] - axis[0, 0]), 1, atol=0.01)
        assert fitted.log_density(codes).mean() > CovarianceCloud().fit(codes).log_density(codes).mean() + 0.05

    def test_many_dimensions(self):
        # Beyond 64 dimensions the steps are affine.
        codes = RNG(0).standard_normal((300, 80))
        drawn = FlowCloud().fit(codes).draw(50, RNG(0))
        assert drawn.shape == (50, 80)
        assert np.isfinite(drawn).all()

    def test_weights_of_another_flow(self, flow):
        state = flow.state()
        kept = {name: array for name, array in state.items() if not name.startswith("network.")}
        with pytest.raises(FormatError, match=r"must hold network\.…, got none"):
            restored("flow", kept)
        name = next(name for name in state if name.endswith("weight"))
        with pytest.raises(FormatError, match=r"weights of another flow: .*size mismatch"):
            restored("flow", state | {name: state[name][:-1]})


class TestSecondStage:
    def test_draws_are_near_the_crescent(self, second):
        drawn, fresh = second.draw(1500, RNG(2)), crescent(RNG(3), 1500)
        assert np.allclose(drawn.mean(0), [0, 0.5], atol=0.15)
        assert np.allclose(drawn.std(0), [1, np.sqrt(0.59)], atol=0.15)
        # It is no exact density model; yet nearer to the crescent than the Gaussian with its moments.
        gaussian = nearest_shares(CovarianceCloud().fit(fresh).draw(1500, RNG(4)), fresh)
        assert nearest_shares(drawn, fresh) < gaussian - 0.02

    def test_bound_is_below_the_likelihood(self, second):
        scale = np.log(crescent(RNG(0), 2000).std(0)).sum()
        # Standardised codes have the density of the codes times their scales; 200 held-out codes, sd of each about 1.
        assert -1.5 < second.held_out_ - (scale - CRESCENT_ENTROPY) < 5 / np.sqrt(200)

    def test_noise_of_posteriors_is_learnt_as_part_of_the_codes(self):
        means = RNG(0).standard_normal((2000, 2)) * [1, 0.1]
        logvar = np.log(np.tile([0.01, 1.0], (2000, 1)))
        drawn = SecondStageCloud().fit(means, logvar).draw(3000, RNG(1))
        # Variances 1 + 0.01 and 0.01 + 1, of which the codes' means have 1 and 0.01.
        assert np.allclose(drawn.var(0), 1.01, atol=0.2)

    def test_decoder_of_other_layers(self, second):
        state = second.state()
        with pytest.raises(FormatError, match="must be the layers of one network"):
            restored("second-stage", state | {"decoder.2.weight": state["decoder.2.weight"][:, :-1]})
        with pytest.raises(FormatError, match="must end in 2 outputs, got "):
            restored("second-stage", {name: array for name, array in state.items() if "decoder.4" not in name})


def test_same_seed_same_network_other_seed_another(monkeypatch):
    monkeypatch.setattr(networks, "MOST_STEPS", 20)
    codes = crescent(RNG(0), 300)
    for kind in (FlowCloud, SecondStageCloud):
        first, second, other = (kind(seed=seed).fit(codes).draw(5, RNG(0)) for seed in (1, 1, 2))
        assert np.array_equal(first, second)
        assert not np.array_equal(first, other)


def test_gaussian_density_of_the_reference():
    # The entropy that the tests above compare with, by the mean of the true log-densities.
    codes = crescent(RNG(9), 20_000)
    truth = multivariate_normal(0, 1).logpdf(codes[:, 0]) + multivariate_normal(0, 0.09).logpdf(
        codes[:, 1] - codes[:, 0] ** 2 / 2
    )
    assert abs(truth.mean() + CRESCENT_ENTROPY) < 5 / np.sqrt(20_000)
