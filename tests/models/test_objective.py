"""The objective as a composition: terms, schedules, corruption, and the configuration that describes them."""

import json

import numpy as np
import pytest
import torch

from zscope.errors import FormatError, ParameterError
from zscope.models import CORRUPTIONS, PRIORS, REGULARISERS, SCHEDULES, Autoencoder, ModelConfig
from zscope.models.config import SINCE_1, validated
from zscope.models.parts import chosen, chosen_all
from zscope.models.tensors import as_tensor

PLAIN = {"shape": (8, 8, 1), "z_dim": 3, "layers": [{"filters": 4}, {"filters": 8, "stride": 2}]}


def make(seed=0, **changes):
    values = {"kind": "vae", "beta": 2.0, **PLAIN, **changes}
    torch.manual_seed(seed)
    model = Autoencoder(validated(**values))
    model.data_size = 20
    return model


def pictures(count=6):
    return as_tensor(np.random.default_rng(0).integers(0, 256, (count, 8, 8, 1), dtype=np.uint8), "cpu")


class TestTerms:
    def test_a_plain_vae_has_none(self):
        losses = make()(pictures())
        assert losses.terms == {}
        torch.testing.assert_close(losses.total, losses.reconstruction + 2 * losses.kl)

    @pytest.mark.parametrize("regularisers", ["l2+gradient-penalty", "mmd", "free-bits+l2", "capacity", "tc", "kl+mmd"])
    def test_total_is_reconstruction_and_the_sum_of_the_terms(self, regularisers):
        losses = make(regularisers=regularisers)(pictures())
        torch.testing.assert_close(losses.total, losses.reconstruction + sum(losses.terms.values()))
        assert all(term.dtype == torch.float32 and term.shape == () for term in losses.terms.values())

    def test_what_is_added_stands_beside_the_kl(self):
        losses = make(regularisers="l2:weight=0.5")(pictures())
        assert list(losses.terms) == ["kl", "l2"]
        torch.testing.assert_close(losses.terms["kl"], 2 * losses.kl)

    def test_a_form_of_the_kl_stands_in_its_place_and_beta_weighs_it(self):
        torch.manual_seed(1)
        losses = make(regularisers="capacity:target=0")(pictures())
        assert list(losses.terms) == ["capacity"]
        torch.testing.assert_close(losses.total, losses.reconstruction + 2 * losses.kl)

    def test_tc_with_equal_factors_is_the_vae_in_the_mean(self):
        """One factor for all three terms leaves the one-draw estimate of the KL: unbiased, so near its closed form."""
        model = make(regularisers="tc:total_correlation=1", eps_clip=None)
        with torch.no_grad():
            torch.manual_seed(2)
            losses = [model(pictures()) for _ in range(100)]
        sums = np.array([float(sum(item.terms.values())) for item in losses])
        assert abs(sums.mean() - 2 * float(losses[0].kl)) < 5 * sums.std() / np.sqrt(100)

    def test_an_ae_has_what_is_added_alone(self):
        losses = make(kind="ae", beta=0.0, regularisers="l2+gradient-penalty")(pictures())
        assert list(losses.terms) == ["l2", "gradient-penalty"]
        assert losses.kl == 0

    @pytest.mark.parametrize("regularisers", ["l2+gradient-penalty", "mmd", "tc", "free-bits"])
    def test_all_parameters_get_gradients_under_bf16_in_float32(self, regularisers):
        model = make(regularisers=regularisers, spectral_norm=True)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            losses = model(pictures())
        losses.total.backward()
        assert {value.dtype for value in losses.terms.values()} == {torch.float32}
        assert {parameter.grad.dtype for parameter in model.parameters()} == {torch.float32}

    def test_a_learned_scale_is_trained_and_kept(self, tmp_path):
        model = make(likelihood="learned-gaussian")
        optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
        model(pictures()).total.backward()
        optimiser.step()
        assert model.likelihood.sigma != pytest.approx(0.3, abs=1e-4)
        model.save_pretrained(tmp_path / "model")
        assert Autoencoder.from_pretrained(tmp_path / "model").likelihood.sigma == model.likelihood.sigma


@pytest.mark.parametrize("name", SCHEDULES)
class TestEverySchedule:
    def test_words(self, name):
        assert SCHEDULES[name].name == name
        assert SCHEDULES[name].formula

    def test_is_a_share_that_ends_at_1(self, name):
        shares = [SCHEDULES[name].share(epoch, 20) for epoch in np.linspace(0, 20, 201)]
        assert min(shares) >= 0
        assert max(shares) == shares[-1] == 1


class TestSchedules:
    def test_linear(self):
        item = chosen("schedule", SCHEDULES, "linear:epochs=5")
        assert [item.share(epoch, 20) for epoch in (0, 1, 2.5, 5, 9)] == [0, 0.2, 0.5, 1, 1]

    def test_cyclical(self):
        item = chosen("schedule", SCHEDULES, "cyclical:cycles=2,ratio=0.5")
        shares = [item.share(epoch, 20) for epoch in (0, 1, 2.5, 5, 9.9, 10, 12.5, 15, 20)]
        assert shares == pytest.approx([0, 0.2, 0.5, 1, 1, 0, 0.5, 1, 1])

    def test_the_weight_follows_in_training_and_is_final_in_evaluation(self):
        model = make(schedule="linear:epochs=10")
        assert model.weight == 2  # nobody has said where the training stands
        model.begin_step(2.5, 20)
        assert model.weight == 0.5
        losses = model(pictures())
        torch.testing.assert_close(losses.total, losses.reconstruction + 0.5 * losses.kl)
        losses = model.eval()(pictures())
        assert model.weight == 2
        torch.testing.assert_close(losses.total, losses.reconstruction + 2 * losses.kl)

    def test_capacity_rises_in_training_and_is_final_in_evaluation(self):
        model = make(regularisers="capacity:target=1000")
        model.begin_step(0, 20)
        losses = model(pictures())
        torch.testing.assert_close(losses.terms["capacity"], 2 * losses.kl)
        losses = model.eval()(pictures())
        torch.testing.assert_close(losses.terms["capacity"], 2 * (1000 - losses.kl))


class TestCorruption:
    @pytest.mark.parametrize("name", CORRUPTIONS)
    def test_words_and_shape(self, name):
        images = pictures()
        before = images.clone()
        assert CORRUPTIONS[name].name == name
        assert CORRUPTIONS[name].formula
        assert CORRUPTIONS[name].corrupt(images).shape == images.shape
        assert torch.equal(images, before)

    def test_gaussian_noise_has_its_standard_deviation(self):
        torch.manual_seed(0)
        noise = chosen("corruption", CORRUPTIONS, "gaussian:sd=0.2").corrupt(torch.zeros(10, 1, 100, 100))
        # Standard errors of mean and standard deviation are 0.2 / √100,000 and 0.2 / √200,000; five of each.
        assert abs(float(noise.mean())) < 0.0032
        assert abs(float(noise.std()) - 0.2) < 0.0023

    def test_masking_takes_whole_pixels(self):
        torch.manual_seed(0)
        masked = chosen("corruption", CORRUPTIONS, "masking:share=0.3").corrupt(torch.ones(10, 3, 100, 100))
        assert torch.equal(masked[:, 0], masked[:, 1])
        assert set(masked.unique().tolist()) == {0.0, 1.0}
        assert abs(float((masked == 0).float().mean()) - 0.3) < 5 * (0.3 * 0.7 / 100_000) ** 0.5

    def test_the_encoder_sees_noise_and_the_loss_the_clean_images_in_training_only(self):
        model, seen = make(kind="ae", beta=0.0, corruption="masking:share=0.5"), []
        model.encoder.register_forward_hook(lambda module, given, result: seen.append((given[0], result)))
        losses = model(pictures())
        given, features = seen.pop()
        assert 0.3 < float((given == 0).float().mean()) < 0.7
        output = model.decoder(model.head(features).mean)
        torch.testing.assert_close(losses.reconstruction, model.likelihood.negative_log(output, pictures()).mean())
        model.eval()(pictures())
        assert torch.equal(seen.pop()[0], pictures())


def test_images_outside_0_and_1_are_refused_before_the_first_step():
    with pytest.raises(ParameterError, match=r"^images must be within \[0, 1\] for the likelihood bernoulli, got 0 to"):
        make()(255 * pictures())
    with pytest.raises(ParameterError, match=r"^images must be within \[0, 1\]"):
        make().encode(pictures() - 0.5)
    make(likelihood="gaussian")(pictures() - 0.5)


class TestConfiguration:
    OLD = (
        '{"kind": "ae", "shape": [28, 28, 1], "z_dim": 2, "layers": [{"filters": 32, "stride": 1, "kernel": 3}, '
        '{"filters": 64, "stride": 2, "kernel": 3}, {"filters": 128, "stride": 2, "kernel": 3}], "extra_dense": [], '
        '"slope": 0.3, "batch_norm": false, "likelihood": "bernoulli", "beta": 0.0, "initialisation": "glorot", '
        '"eps_clip": 5.0, "eps_factor": 1.0}'
    )
    """As the first version wrote it for a run on MNIST."""

    def test_what_an_older_version_wrote_is_read_and_written_again_byte_by_byte(self):
        config = ModelConfig.model_validate(json.loads(self.OLD))
        assert json.dumps(config.model_dump(mode="json")) == self.OLD
        assert config.objective == (REGULARISERS["none"],)

    def test_new_fields_are_written_where_they_differ(self):
        changed = {
            "network": "residual",
            "spectral_norm": True,
            "sigma": 0.5,
            "likelihood": "gaussian",
            "regularisers": "kl+mmd:weight=3",
            "schedule": "cyclical",
            "corruption": "masking",
            "prior": "vamp:inputs=7",
        }
        config = validated(kind="vae", **PLAIN, **changed)
        written = json.loads(json.dumps(config.model_dump(mode="json")))
        assert set(SINCE_1) <= set(written)
        assert written["regularisers"] == [{"name": "kl"}, {"name": "mmd", "weight": 3.0}]
        assert ModelConfig.model_validate(written) == config

    @pytest.mark.parametrize(
        ("parts", "text"),
        [
            (REGULARISERS, "tc:mutual_information=0.5,estimator=weighted"),
            (REGULARISERS, "l2:weight=1e-05"),
            (SCHEDULES, "cyclical:cycles=3"),
            (CORRUPTIONS, "gaussian"),
            (PRIORS, "vamp:inputs=7"),
        ],
    )
    def test_a_part_has_one_text(self, parts, text):
        part = chosen("part", parts, text)
        assert part.text == text
        assert chosen("part", parts, part) == chosen("part", parts, part.model_dump()) == part

    def test_texts_of_several_regularisers(self):
        found = chosen_all("regulariser", REGULARISERS, "l2:weight=1e+2 + mmd:weight=5")
        assert [part.text for part in found] == ["l2:weight=100.0", "mmd:weight=5.0"]
        assert chosen_all("regulariser", REGULARISERS, ["l2:weight=1e+2", "mmd:weight=5"]) == found
        assert chosen_all("regulariser", REGULARISERS, ["l2:weight=1e+2+mmd:weight=5"]) == found
        assert chosen_all("regulariser", REGULARISERS, "") == ()

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"beta": -1.0}, "beta must be greater than or equal to 0, got -1.0"),
            ({"beta": float("nan")}, "beta must be a finite number, got nan"),
            ({"regularisers": "l2:weight=-1"}, "regulariser l2: weight must be greater than or equal to 0, got -1"),
            ({"regularisers": "mmd:weight=nan"}, "regulariser mmd: weight must be a finite number, got nan"),
            (
                {"regularisers": "free-bits:gamma=2"},
                "regulariser free-bits must have only the options floor, got gamma",
            ),
            ({"regularisers": "kl:weight=2"}, "regulariser kl must have no options, got weight"),
            ({"regularisers": "vib"}, "regulariser must be one of none, kl, .*, got vib"),
            ({"regularisers": "l2+l2"}, r"regulariser must name each part once, got l2\+l2"),
            ({"regularisers": "kl+tc"}, r"regulariser must have at most one form of the KL, got kl\+tc"),
            ({"regularisers": "none"}, "regulariser must be one of kl, .* for a VAE, got none"),
            (
                {"kind": "ae", "regularisers": "free-bits"},
                "regulariser must be one of none, mmd, l2, gradient-penalty for an AE, got free-bits",
            ),
            ({"kind": "ae", "schedule": "linear"}, "schedule must be left out for an AE, .*, got linear"),
            ({"kind": "ae", "prior": "vamp"}, "prior must be left out for an AE, .*, got vamp"),
            ({"schedule": "linear:epochs=0"}, "schedule linear: epochs must be greater than 0, got 0"),
            ({"schedule": "cyclical:ratio=2"}, "schedule cyclical: ratio must be less than or equal to 1, got 2"),
            ({"schedule": "linear:5"}, "schedule must be NAME or NAME:OPTION=VALUE,…, got linear:5"),
            ({"schedule": 5}, "schedule must be NAME, .*, got 5"),
            ({"corruption": "gaussian:sd=0"}, "corruption gaussian: sd must be greater than 0, got 0"),
            ({"corruption": "masking:share=1"}, "corruption masking: share must be less than 1, got 1"),
            ({"prior": "vamp", "regularisers": "tc"}, "prior must be normal for the regulariser tc, got vamp"),
            ({"prior": "vamp", "batch_norm": True}, "batch_norm must be off for the prior vamp"),
            ({"sigma": 0.1}, "sigma must be left out for the likelihood bernoulli, got 0.1"),
            ({"sigma": 0.0, "likelihood": "gaussian"}, "sigma must be greater than 0, got 0.0"),
            ({"network": "mlp"}, "layers must be empty for the network mlp"),
            ({"network": "mlp", "layers": ()}, "extra_dense must have at least one width for the network mlp"),
            ({"network": "mlp", "layers": (), "batch_norm": True}, "batch_norm must be off for the network mlp"),
            ({"network": "own", "layers": (), "spectral_norm": True}, "spectral_norm must be left out for modules"),
            ({"layers": ()}, "layers must have at least one convolution for the network convolutional"),
        ],
    )
    def test_what_makes_no_sense_is_refused_in_one_line(self, changes, message):
        with pytest.raises(ParameterError, match=f"^{message}") as caught:
            validated(**{"kind": "vae", **PLAIN, **changes})
        assert "\n" not in str(caught.value)

    def test_a_file_with_parts_that_do_not_fit_is_named(self, tmp_path):
        make().save_pretrained(tmp_path / "model")
        path = tmp_path / "model" / "config.json"
        content = json.loads(path.read_text())
        content["config"]["regularisers"] = [{"name": "later"}]
        path.write_text(json.dumps(content))
        with pytest.raises(FormatError, match=r"config\.json: regulariser must be one of .*, got later"):
            Autoencoder.from_pretrained(tmp_path / "model")
