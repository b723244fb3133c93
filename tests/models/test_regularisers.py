"""One contract for every regulariser, and the closed form or an independent computation of each."""

import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from zscope.errors import ParameterError
from zscope.models import PRIORS, REGULARISERS, Posterior
from zscope.models.parts import chosen
from zscope.models.regularisers import Step
from zscope.models.regularisers.mmd import SCALES, discrepancy, kernel
from zscope.models.regularisers.total_correlation import mixture_log_weights

N, D = 6, 4


def regulariser(text):
    return chosen("regulariser", REGULARISERS, text)


def normal_prior(d=D):
    return PRIORS["normal"].build((4, 4, 1), d, None)


def step(mean=None, logvar=None, decoder=None, kind="vae", **changes):
    """A step whose means and log-variances ask for gradients."""
    torch.manual_seed(0)
    mean = torch.randn(N, D) if mean is None else mean
    logvar = (torch.randn(N, D) - 1 if logvar is None else logvar) if kind == "vae" else None
    mean.requires_grad_()
    if logvar is not None:
        logvar.requires_grad_()
    posterior = Posterior(mean, logvar)
    codes = posterior.draw(eps_clip=None, eps_factor=1.0)
    prior = normal_prior(mean.shape[1])
    decoder = decoder or nn.Sequential(nn.Linear(D, 8), nn.Tanh(), nn.Linear(8, 16), nn.Unflatten(1, (1, 4, 4)))
    kl = posterior.kl_by_axis().sum(dim=1) if kind == "vae" else torch.zeros(len(mean))
    return Step(posterior, codes, kl, decoder(codes), decoder, prior, **{"data_size": 50, **changes})


@pytest.mark.parametrize("name", REGULARISERS)
class TestEveryRegulariser:
    def test_words(self, name):
        assert REGULARISERS[name].name == name
        assert REGULARISERS[name].formula
        assert REGULARISERS[name].text == name

    def test_one_finite_float32_number_an_image(self, name):
        for kind in REGULARISERS[name].kinds:
            penalty = REGULARISERS[name].penalty(step(kind=kind))
            assert penalty.shape == (N,)
            assert penalty.dtype == torch.float32
            assert torch.isfinite(penalty).all()

    def test_gradient_reaches_the_encoder(self, name):
        for kind in REGULARISERS[name].kinds:
            given = step(kind=kind)
            penalty = REGULARISERS[name].penalty(given).mean()
            if name == "none":
                assert not penalty.requires_grad
                continue
            penalty.backward()
            assert torch.isfinite(given.posterior.mean.grad).all()
            assert given.posterior.mean.grad.abs().max() > 1e-4

    def test_terms_are_the_weighted_mean(self, name):
        item = REGULARISERS[name]
        given = step(kind=item.kinds[0])
        weight = 3.0 if item.form_of_kl else item.weight
        torch.manual_seed(5)
        penalty = item.penalty(given).mean()
        torch.manual_seed(5)
        terms = item.terms(given, beta=3.0)
        torch.testing.assert_close(sum(terms.values()), weight * penalty)
        assert all(term.shape == () for term in terms.values())

    def test_works_without_a_graph(self, name):
        with torch.no_grad():
            penalty = REGULARISERS[name].penalty(step(kind=REGULARISERS[name].kinds[0]))
        assert not penalty.requires_grad
        assert torch.isfinite(penalty).all()


@pytest.mark.parametrize("name", ["none", "kl"])
def test_nothing_for_the_prior_itself(name):
    assert not REGULARISERS[name].penalty(step(torch.zeros(N, D), torch.zeros(N, D))).any()


def test_kl_is_the_closed_form():
    given = step()
    q = torch.distributions.Normal(given.posterior.mean, (given.posterior.logvar / 2).exp())
    expected = torch.distributions.kl_divergence(q, torch.distributions.Normal(0.0, 1.0)).sum(dim=1)
    torch.testing.assert_close(REGULARISERS["kl"].penalty(given), expected, rtol=1e-5, atol=1e-5)


def test_kl_of_points_is_refused():
    with pytest.raises(TypeError, match="no finite KL"):
        Posterior(torch.zeros(1, 1), None).kl_by_axis()


class TestFreeBits:
    def test_floors_the_mean_of_each_axis(self):
        # Means 0 and variances 1 but for axis 0, whose KL is ½ · 4 = 2 nats, and axis 1, with ½ · 0.16 = 0.08.
        mean = torch.zeros(N, D)
        mean[:, 0], mean[:, 1] = 2.0, 0.4
        penalty = regulariser("free-bits:floor=0.5").penalty(step(mean, torch.zeros(N, D)))
        torch.testing.assert_close(penalty, torch.full((N,), 2 + 0.5 + 0.5 + 0.5))

    def test_axes_below_the_floor_are_left_alone(self):
        mean = torch.zeros(N, D)
        mean[:, 0], mean[:, 1] = 2.0, 0.4
        given = step(mean, torch.zeros(N, D))
        regulariser("free-bits:floor=0.5").penalty(given).mean().backward()
        # The KL's slope is μ, shared by the mean over the batch.
        torch.testing.assert_close(given.posterior.mean.grad[:, 0], torch.full((N,), 2.0 / N))
        assert not given.posterior.mean.grad[:, 1:].any()

    def test_without_a_floor_it_is_the_kl(self):
        given = step()
        torch.testing.assert_close(regulariser("free-bits:floor=0").penalty(given)[0], given.kl.mean())


@pytest.mark.parametrize(
    ("options", "epoch", "capacity"),
    [("target=10", 0.0, 0.0), ("target=10", 2.5, 2.5), ("target=10,rise=0.5", 2.5, 5.0), ("target=10", 10.0, 10.0)],
)
def test_capacity_is_the_distance_from_a_rising_target(options, epoch, capacity):
    given = step(epoch=epoch, epochs=10)
    expected = (given.kl.mean() - capacity).abs().expand(N)
    torch.testing.assert_close(regulariser(f"capacity:{options}").penalty(given), expected)


class TestDiscrepancy:
    def test_is_the_double_loop(self):
        rng = np.random.default_rng(0)
        first, second = rng.standard_normal((5, 3)), 0.5 + rng.standard_normal((5, 3))

        def k(x, y):
            return sum(2 * 3 * s / (2 * 3 * s + ((x - y) ** 2).sum()) for s in SCALES)

        pairs = [(i, j) for i in range(5) for j in range(5) if i != j]
        within = sum(k(first[i], first[j]) + k(second[i], second[j]) for i, j in pairs) / 20
        across = sum(k(x, y) for x in first for y in second) / 25
        ours = discrepancy(torch.tensor(first), torch.tensor(second)).mean()
        assert float(ours) == pytest.approx(within - 2 * across, rel=1e-12)

    def test_is_0_in_the_mean_for_the_prior(self):
        torch.manual_seed(0)
        values = np.array([float(discrepancy(torch.randn(32, 3), torch.randn(32, 3)).mean()) for _ in range(400)])
        # Five standard errors: passed by chance in under 1 of 10^6. The biased V-statistic would be some 0.2 off.
        assert abs(values.mean()) < 5 * values.std() / math.sqrt(400)
        assert 5 * values.std() / math.sqrt(400) < 0.02
        assert float(discrepancy(torch.randn(32, 3) + 1, torch.randn(32, 3)).mean()) > 5 * values.std()

    def test_a_batch_of_one_has_no_pair(self):
        codes = torch.randn(1, 3, requires_grad=True)
        assert not discrepancy(codes, torch.randn(1, 3)).any()

    def test_the_kernel_has_a_slope_where_points_meet(self):
        points = torch.zeros(2, 3, requires_grad=True)
        kernel(points, points).sum().backward()
        assert not points.grad.any()


class TestTotalCorrelation:
    def test_the_terms_add_up_to_the_kl_of_the_draws(self):
        for data_size in (N, 50):
            given = step(data_size=data_size)
            parts = regulariser("tc").parts(given)
            posterior, codes = given.posterior, given.codes
            q = torch.distributions.Normal(posterior.mean, (posterior.logvar / 2).exp())
            p = torch.distributions.Normal(0.0, 1.0)
            expected = (q.log_prob(codes) - p.log_prob(codes)).sum(dim=1)
            torch.testing.assert_close(sum(parts), expected, rtol=1e-5, atol=1e-5)

    def test_a_whole_data_set_gives_the_exact_aggregate(self):
        """Terms of a batch that is the whole data set, by enumeration in double precision."""
        given = step(data_size=N)
        mean = given.posterior.mean.detach().double().numpy()
        sd = (given.posterior.logvar / 2).exp().detach().double().numpy()
        codes = given.codes.detach().double().numpy()
        dense = stats.norm.pdf(codes[:, None], mean[None], sd[None])  # image i's code, image j's posterior, axis
        aggregate, axes = dense.prod(axis=2).mean(axis=1), dense.mean(axis=1).prod(axis=1)
        own = dense[range(N), range(N)].prod(axis=1)
        prior = np.exp(-0.5 * codes**2).prod(axis=1) / (2 * math.pi) ** (D / 2)
        expected = [np.log(own / aggregate), np.log(aggregate / axes), np.log(axes / prior)]
        for part, exact in zip(regulariser("tc").parts(given), expected, strict=True):
            np.testing.assert_allclose(part.detach().numpy(), exact, rtol=1e-4, atol=1e-4)

    def test_stratified_sampling_is_free_of_bias_and_weighted_is_below(self):
        """The mean estimate of q(z) over batches with the image in a random place, against the whole data set."""
        rng, size, batch = np.random.default_rng(0), 12, 4
        centres = rng.standard_normal(size)
        density = np.exp(-0.5 * (centres[0] - centres) ** 2)
        stratified, weighted = [], []
        for _ in range(4000):
            others = rng.choice(np.arange(1, size), batch - 1, replace=False)
            rows = density[np.array([0, *others])]
            stratified.append(rows @ mixture_log_weights(batch, size, "stratified").exp().numpy()[0])
            weighted.append(rows @ mixture_log_weights(batch, size, "weighted").exp().numpy()[0])
        error = 5 * np.std(stratified) / math.sqrt(4000)
        assert abs(np.mean(stratified) - density.mean()) < error < 0.05
        assert np.mean(weighted) < density.mean() - error
        assert mixture_log_weights(5, 9, "stratified").exp().sum(dim=1) == pytest.approx(np.ones(5))

    def test_factors_weigh_each_term(self):
        given = step()
        parts = regulariser("tc").parts(given)
        penalty = regulariser("tc:mutual_information=2,total_correlation=3,dimension_wise=0").penalty(given)
        torch.testing.assert_close(penalty, 2 * parts[0] + 3 * parts[1])
        assert list(regulariser("tc").terms(given, 1.0)) == [
            "mutual-information",
            "total-correlation",
            "dimension-wise-kl",
        ]

    def test_the_size_of_the_data_must_be_told(self):
        with pytest.raises(ParameterError, match="data_size must be set for the regulariser tc"):
            regulariser("tc").penalty(step(data_size=None))


def test_l2_is_half_the_squared_length():
    given = step(kind="ae")
    torch.testing.assert_close(regulariser("l2").penalty(given), 0.5 * given.codes.norm(dim=1) ** 2)


class TestGradientPenalty:
    def linear(self):
        torch.manual_seed(3)
        return nn.Sequential(nn.Linear(D, 16), nn.Unflatten(1, (1, 4, 4)))

    def test_is_the_squared_norm_of_a_linear_decoder(self):
        # E ‖Wᵀ v‖² = ‖W‖²; five standard errors over 20,000 draws of signs.
        decoder = self.linear()
        given = step(torch.randn(20_000, D), kind="ae", decoder=decoder)
        penalty = regulariser("gradient-penalty").penalty(given).detach()
        exact = float(decoder[0].weight.detach().square().sum())
        assert float(penalty.std()) > 0.1 * exact
        assert abs(float(penalty.mean()) - exact) < 5 * float(penalty.std()) / math.sqrt(20_000)

    def test_is_the_jacobian_product_of_autograd(self):
        given = step()
        torch.manual_seed(9)
        penalty = regulariser("gradient-penalty").penalty(given)
        torch.manual_seed(9)
        signs = torch.randint_like(given.output, 2) * 2 - 1
        assert set(signs.unique().tolist()) == {-1.0, 1.0}
        for row in range(N):
            jacobian = torch.autograd.functional.jacobian(given.decode, given.codes[row : row + 1].detach())
            slopes = torch.einsum("chwi,chw->i", jacobian[0, ..., 0, :], signs[row])
            torch.testing.assert_close(penalty[row], slopes.square().sum())

    def test_moves_the_decoder(self):
        decoder = self.linear()
        given = step(decoder=decoder)
        torch.manual_seed(9)
        regulariser("gradient-penalty").penalty(given).mean().backward()
        torch.manual_seed(9)
        signs = (torch.randint_like(given.output, 2) * 2 - 1).flatten(1)
        # d/dW of ‖Wᵀ v‖² is 2 v (Wᵀ v)ᵀ.
        expected = 2 * torch.einsum("ni,nj->ij", signs, signs @ decoder[0].weight.detach()) / N
        torch.testing.assert_close(decoder[0].weight.grad, expected, rtol=1e-4, atol=1e-5)

    def test_is_the_same_without_a_graph(self):
        given = step()
        torch.manual_seed(9)
        expected = regulariser("gradient-penalty").penalty(given)
        torch.manual_seed(9)
        with torch.no_grad():
            torch.testing.assert_close(regulariser("gradient-penalty").penalty(given), expected.detach())
