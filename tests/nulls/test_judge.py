"""The table of claims, and the verdicts that describe."""

import json

import numpy as np
import pytest

from zscope.errors import ParameterError
from zscope.measures import MEASURES, ActivityMeasure, AxesMeasure, LatentCodes, PrincipalComponentsMeasure
from zscope.nulls import BATTERIES, CLAIMS, DESCRIPTIVE, judge
from zscope.nulls.claims import LEVEL
from zscope.nulls.descriptive import collapsed_verdict, dominating_verdict, suggested_dimension

RNG = np.random.default_rng


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=lambda claim: claim.name)
def test_every_claim_has_a_measure_and_a_reason(claim):
    assert claim.measure in {measure.name for measure in MEASURES} | {"alike"}  # between runs
    assert claim.asks.endswith("?")
    assert claim.reason
    assert claim.effect
    assert (claim.margin is None) == (claim.kind == "descriptive")


def test_names_of_claims():
    assert list(CLAIMS) == [
        "radius_explained",
        "multivariate_normal",
        "low_dimensional",
        "clusters",
        "voids",
        "prior_match",
        "map_structure",
        "same_space",
        "dominating_axes",
        "collapsed_axes",
    ]
    assert all(name == claim.name for name, claim in CLAIMS.items())
    assert LEVEL >= 1 / (99 + 1)


class TestJudge:
    def everything(self, mean):
        codes = LatentCodes.of(mean)
        quick = [m for m in MEASURES if m.name not in ("tsne", "planes") and m.applies(codes) is None]
        return codes, {m.name: m.measure(codes, RNG(0)) for m in quick}

    def test_one_corrupt_code_makes_no_voids(self):
        points = RNG(0).standard_normal((300, 3))
        points[5, 0] = 1e8
        answers = judge(*self.everything(points), RNG(0), draws=2)
        told = [verdict for _, verdict in answers.values() if verdict and CLAIMS[verdict.claim].kind != "descriptive"]
        assert {verdict.strength for verdict in told} == {"not testable"}

    def test_every_measurement_is_answered(self):
        codes, found = self.everything(RNG(0).standard_normal((400, 4)))
        answers = judge(codes, found, RNG(0), draws=9)
        assert list(answers) == list(found)
        claimed = {verdict.claim: name for name, (_, verdict) in answers.items() if verdict is not None}
        assert claimed == {claim.name: claim.measure for claim in CLAIMS.values() if claim.measure in found}
        tested = {name for name, (tests, _) in answers.items() if tests}
        assert tested == {battery.measure for battery in BATTERIES} & set(found)
        for tests, verdict in answers.values():
            json.dumps([test.as_json() for test in tests], allow_nan=False)
            if verdict is not None:
                assert set(verdict.as_json()) == {"claim", "holds", "strength", "says", "advice"}
                assert verdict.says.endswith(".")

    def test_same_seed_same_answers(self):
        codes, found = self.everything(RNG(0).standard_normal((400, 4)))
        assert judge(codes, found, RNG(3), draws=9) == judge(codes, found, RNG(3), draws=9)

    def test_other_measurements_change_nothing(self):
        codes, found = self.everything(RNG(0).standard_normal((400, 4)))
        alone = judge(codes, {"radius": found["radius"]}, RNG(3), draws=9)
        reordered = judge(codes, dict(reversed(found.items())), RNG(3), draws=9)
        assert alone["radius"] == reordered["radius"]

    def test_bounds(self):
        codes, found = self.everything(RNG(0).standard_normal((60, 2)))
        with pytest.raises(ParameterError, match="draws must be at least 0, got -1"):
            judge(codes, found, RNG(0), draws=-1)

    def test_without_draws_nothing_is_tested(self):
        codes, found = self.everything(RNG(0).standard_normal((60, 2)))
        judged = judge(codes, found, RNG(0), draws=0)
        assert judged.keys() == found.keys()
        assert all(tests == [] for tests, _ in judged.values())
        assert all(verdict is None for name, (_, verdict) in judged.items() if name not in DESCRIPTIVE)

    def test_measure_without_a_claim(self):
        codes = LatentCodes.of(RNG(0).standard_normal((60, 2)))
        found = {"pca": PrincipalComponentsMeasure().measure(codes, RNG(0))}
        assert judge(codes, found, RNG(0)) == {"pca": ([], None)}


class TestDescriptive:
    def axes(self, mean):
        return dominating_verdict(AxesMeasure().measure(LatentCodes.of(mean), RNG(0)))

    def activity(self, mean, logvar=None):
        return collapsed_verdict(ActivityMeasure().measure(LatentCodes.of(mean, logvar), RNG(0)))

    def test_dominating_axes_are_named(self):
        mean = RNG(0).standard_normal((2000, 64))
        mean[:, 52] *= 5
        mean[:, 13] += 6
        verdict = self.axes(mean)
        assert verdict.holds is True
        assert verdict.strength == "descriptive"
        # (36 + 1 + 25) / (36 + 1 + 25 + 62) = 50 %.
        assert verdict.says.startswith("2 of 64 axes dominate: 13, 52. They make up 50 % of the mean square radius")
        assert "2.3" in verdict.says
        assert verdict.advice is not None

    def test_many_are_cut_short(self):
        mean = RNG(0).standard_normal((500, 64))
        mean[:, :20] *= 9
        assert "and 8 more" in self.axes(mean).says

    def test_none_dominates(self):
        verdict = self.axes(RNG(0).standard_normal((1000, 16)))
        assert (verdict.holds, verdict.says, verdict.advice) == (False, "None of the 16 axes dominates.", None)

    def vae(self, scale=1.0):
        """20 axes of a VAE of which 14 have collapsed; two active ones are `scale` times as wide as the other four."""
        mean = 0.5 * RNG(0).standard_normal((2000, 20))
        mean[:, 4:6] *= scale
        mean[:, 6:] *= 1e-3
        logvar = np.full((2000, 20), np.log(0.75))
        logvar[:, 6:] = 0
        return mean, logvar

    def dominating(self, mean, logvar):
        return dominating_verdict(AxesMeasure().measure(LatentCodes.of(mean, logvar), RNG(0)))

    def test_active_axes_do_not_dominate_collapsed_ones(self):
        mean, logvar = self.vae()
        verdict = self.dominating(mean, logvar)
        assert (verdict.holds, verdict.says) == (False, "None of the 6 active axes dominates.")
        # An autoencoder's axes of variance 10⁻⁶ are axes as well: six stand out among the codes alone.
        assert self.axes(mean).says.startswith("6 of 20 axes dominate")

    def test_advice_against_the_prior_only_where_it_is_missed(self):
        missed = self.dominating(*self.vae(6))
        assert missed.says.startswith("2 of 6 active axes dominate: 5, 4. They make")
        assert "draw from a cloud that keeps the covariance" in missed.advice
        assert missed.advice.startswith("Along these axes all posteriors together differ from N(0, 1)")
        mean, logvar = self.vae(6)
        logvar[:, 4] = -9
        mean[:, 4] /= 3
        assert self.dominating(mean, logvar).advice.startswith("Along axis 5 all posteriors together differ")
        mean, logvar = self.vae(6)
        mean[:, :6] *= 0.3
        logvar[:, 4:6] = np.log(0.2)
        logvar[:, :4] = np.log(0.98)
        met = self.dominating(mean, logvar)  # 0.9² + 0.2 = 1.01
        assert (met.holds, met.advice) == (True, None)

    def test_constant_axes_are_not_among_the_compared(self):
        mean = RNG(0).standard_normal((500, 16))
        mean[:, 14:] = 1
        assert self.axes(mean).says == "None of the 14 varying axes dominates."
        assert self.axes(np.ones((50, 4))).says == "There is no varying axis: there is nothing to compare."

    def test_one_axis(self):
        one = RNG(0).standard_normal((300, 1))
        assert self.axes(one).says == "There is only one axis: there is nothing to compare."
        assert self.activity(one).says.startswith("The only axis is active (")
        assert self.activity(np.zeros((30, 1))).says.startswith("The only axis has collapsed")
        assert self.activity(one * [[1, 0]]).says.startswith("1 of 2 axes is active")
        assert "; 1 has collapsed." in self.activity(one * [[1, 0]]).says

    def test_an_autoencoder_has_no_kl_to_lower(self):
        assert (
            self.activity(np.zeros((30, 8))).advice == "All codes are the same point: look for a fault in the training."
        )

    def test_collapsed_axes_and_advice(self):
        mean = RNG(0).standard_normal((300, 256))
        mean[:, 31:] *= 1e-4
        verdict = self.activity(mean)
        assert verdict.holds is True
        assert verdict.says.startswith("31 of 256 axes are active")
        assert "225 have collapsed" in verdict.says
        assert verdict.advice.startswith("z_dim 48 would do: 1.5 times the 31 active axes")

    def test_no_advice_where_nothing_would_be_saved(self):
        mean = RNG(0).standard_normal((300, 16))
        mean[:, 14:] = 0
        verdict = self.activity(mean)
        assert verdict.holds is True
        assert verdict.advice is None

    def test_all_active_and_none(self):
        assert self.activity(RNG(0).standard_normal((300, 8))).says.startswith("All 8 axes are active")
        assert self.activity(np.zeros((30, 8)), np.zeros((30, 8))).advice.startswith("The codes carry nothing")

    def test_disagreement_is_told(self):
        mean = np.stack([2 * np.tile([1.0, -1], 50), np.sqrt(0.012) * np.tile([1.0, -1], 50)], axis=1)
        says = self.activity(mean, np.tile([-2.0, 0.0], (100, 1))).says
        assert "By the variance alone it would be 2, by the KL alone 1; they disagree on axis 1." in says

    @pytest.mark.parametrize(
        ("active", "suggested"), [(1, 2), (3, 6), (10, 16), (11, 18), (18, 28), (22, 48), (31, 48), (100, 160)]
    )
    def test_suggestion(self, active, suggested):
        assert suggested_dimension(active) == suggested
