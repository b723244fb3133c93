"""The whole model: draws, encoding, decoding, precision, files, and a solution known in closed form."""

import json
import math
import shutil

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.datasets import load_digits

from zscope.clouds import cloud
from zscope.clouds.conditional import ConditionalCloud
from zscope.errors import ExistsError, FormatError, ParameterError
from zscope.models import Autoencoder, Posterior
from zscope.models.config import validated
from zscope.models.tensors import as_tensor, to_uint8
from zscope.runs.formats import file_hash, write_json
from zscope.runs.samplers import save_sampler


def make(seed=0, **changes):
    values = {
        "kind": "vae",
        "shape": (8, 8, 1),
        "z_dim": 3,
        "layers": [{"filters": 4}, {"filters": 8, "stride": 2}],
        "beta": 2.0,
        **changes,
    }
    torch.manual_seed(seed)
    return Autoencoder(validated(**values))


def pictures(count=6, shape=(8, 8, 1)):
    return np.random.default_rng(0).integers(0, 256, (count, *shape), dtype=np.uint8)


class TestDraws:
    @pytest.mark.parametrize("factor", [0.0, 0.5, 2.0])
    @pytest.mark.parametrize("clip", [1.0, 5.0, None])
    def test_moments_of_clipped_noise(self, clip, factor):
        n, mean, logvar = 400_000, 0.7, math.log(0.09)
        posterior = Posterior(torch.full((n, 1), mean), torch.full((n, 1), logvar))
        drawn = posterior.draw(eps_clip=clip, eps_factor=factor, generator=torch.Generator().manual_seed(1))
        noise = (drawn.double().numpy().ravel() - mean) / 0.3
        # Moments of a standard normal whose values beyond ± c are set to ± c; expectations by scipy's integration.
        bound = 40.0 if clip is None else clip
        second = factor**2 * stats.norm.expect(lambda x: np.clip(x, -bound, bound) ** 2)
        fourth = factor**4 * stats.norm.expect(lambda x: np.clip(x, -bound, bound) ** 4)
        # Five standard errors each: passed by chance in under 1 of 10^6. The last term is float32's rounding.
        assert abs(noise.mean()) <= 5 * math.sqrt(second / n) + 1e-6
        assert abs((noise**2).mean() - second) <= 5 * math.sqrt((fourth - second**2) / n) + 1e-6
        if clip is not None:
            assert np.abs(noise).max() <= factor * clip + 1e-5
        if clip == 1.0 and factor:
            share = 2 * stats.norm.sf(1)
            assert abs((np.abs(noise) > factor - 1e-5).mean() - share) < 5 * math.sqrt(share * (1 - share) / n)

    def test_noise_is_clipped_at_five_unless_asked_otherwise(self):
        assert make().eps_clip == 5
        assert make(eps_clip=None).eps_clip is None

    def test_an_ae_draws_its_mean(self):
        mean = torch.randn(4, 2)
        assert Posterior(mean, None).draw(eps_clip=5, eps_factor=1) is mean

    def test_training_losses_follow_eps_factor(self):
        model, images = make(), as_tensor(pictures(), "cpu")
        torch.manual_seed(1)
        first, second = model(images).reconstruction, model(images).reconstruction
        assert first != second
        model.eps_factor = 0.0
        assert model(images).reconstruction == model(images).reconstruction
        mean = model.likelihood.negative_log(model.decoder(model.encode(images).mean.clone()), images).mean()
        torch.testing.assert_close(model(images).reconstruction, mean)


class TestLosses:
    @pytest.mark.parametrize("channels", [1, 3])
    def test_total_is_reconstruction_and_weighted_kl_in_both_units(self, channels):
        model = make(shape=(8, 8, channels), eps_factor=0.0, beta=6.0)
        losses = model(as_tensor(pictures(shape=(8, 8, channels)), "cpu"))
        torch.testing.assert_close(losses.total, losses.reconstruction + 6 * losses.kl)
        # fact weighs the KL against the log-likelihood averaged over channels.
        per_channel = losses.reconstruction / channels + model.config.fact * losses.kl
        torch.testing.assert_close(losses.total / channels, per_channel)

    def test_an_ae_has_no_kl(self):
        losses = make(kind="ae", beta=0.0)(as_tensor(pictures(), "cpu"))
        assert losses.kl == 0
        assert losses.total == losses.reconstruction

    def test_heads_kl_and_losses_are_float32_under_bf16(self):
        model, seen = make(eps_factor=0.0), {}
        model.encoder.register_forward_hook(lambda module, given, result: seen.update(features=result))
        model.head.register_forward_hook(lambda module, given, result: seen.update(posterior=result))
        model.decoder.register_forward_hook(lambda module, given, result: seen.update(output=result))
        images = as_tensor(pictures(), "cpu")
        with torch.autocast("cpu", dtype=torch.bfloat16):
            losses = model(images)
        assert seen["features"].dtype == seen["output"].dtype == torch.bfloat16  # the trunks are what is reduced
        posterior = seen["posterior"]
        assert {value.dtype for value in (*losses[:3], posterior.mean, posterior.logvar)} == {torch.float32}
        # Heads, KL and likelihood computed again in double precision from what the trunks gave them: a single step
        # in bfloat16 (8 bits) would be off by some 0.4 %.
        features = seen["features"].double()
        mean = features @ model.head.mean.weight.double().T + model.head.mean.bias.double()
        logvar = features @ model.head.logvar.weight.double().T + model.head.logvar.bias.double()
        kl = 0.5 * (mean.square() + logvar.exp() - 1 - logvar).sum(dim=1).mean()
        output, target = seen["output"].double(), images.double()
        likelihood = (torch.nn.functional.softplus(output) - target * output).sum(dim=(1, 2, 3)).mean()
        torch.testing.assert_close(losses.kl.double(), kl, rtol=1e-5, atol=0)
        torch.testing.assert_close(losses.reconstruction.double(), likelihood, rtol=1e-5, atol=0)
        losses.total.backward()
        assert {parameter.grad.dtype for parameter in model.parameters()} == {torch.float32}


class TestEncodingAndDecoding:
    def test_encode_gives_means_not_draws(self):
        model = make()
        first = model.encode(pictures())
        model.eps_factor = 100.0
        second = model.encode(pictures())
        assert torch.equal(first.mean, second.mean)
        assert torch.equal(first.logvar, second.logvar)
        features = model.encoder(as_tensor(pictures(), "cpu"))
        torch.testing.assert_close(first.mean, model.head.mean(features).detach())
        torch.testing.assert_close(first.logvar, model.head.logvar(features).detach())

    def test_an_ae_has_no_logvar(self):
        assert make(kind="ae", beta=0.0).encode(pictures()).logvar is None

    def test_batch_normalisation_uses_its_stored_moments_and_the_mode_comes_back(self):
        model = make(batch_norm=True).train()
        together = model.encode(pictures()).mean
        apart = torch.cat([model.encode(pictures()[row : row + 1]).mean for row in range(6)])
        torch.testing.assert_close(together, apart)
        assert model.training
        model.eval().encode(pictures())
        assert not model.training

    def test_tensors_and_arrays_are_the_same_images(self):
        images = pictures()
        tensor = torch.tensor(images.transpose(0, 3, 1, 2) / np.float32(255))
        torch.testing.assert_close(make().encode(images).mean, make().encode(tensor).mean)

    @pytest.mark.parametrize(
        "images", [np.zeros((2, 8, 8, 1)), np.zeros((8, 8, 1), np.uint8), torch.zeros(2, 1, 8, 8, dtype=torch.uint8)]
    )
    def test_images_of_another_type_or_shape_are_refused(self, images):
        with pytest.raises(ParameterError, match=r"^images must be a"):
            make().encode(images)

    def test_decode_gives_the_mean_of_the_likelihood(self):
        model, codes = make(), np.random.default_rng(1).standard_normal((5, 3)).astype(np.float32)
        decoded = model.decode(codes)
        expected = torch.sigmoid(model.decoder(torch.tensor(codes))).detach().numpy().transpose(0, 2, 3, 1)
        assert decoded.dtype == np.float32
        np.testing.assert_allclose(decoded, expected, rtol=1e-5)

    @pytest.mark.parametrize("shape", [(5, 2), (3,), (1, 3, 1)])
    def test_codes_of_another_shape_are_refused(self, shape):
        with pytest.raises(ParameterError, match=r"^codes must have shape \(N, 3\), got \("):
            make().decode(np.zeros(shape, np.float32))

    def test_decode_all_in_batches(self):
        model, codes = make(), np.random.default_rng(1).standard_normal((7, 3)).astype(np.float32)
        assert np.array_equal(model.decode_all(codes, batch=3), to_uint8(model.decode(codes)))
        assert model.decode_all(codes[:0]).shape == (0, 8, 8, 1)

    def test_to_uint8_rounds_and_clips(self):
        assert to_uint8(np.array([-0.5, 0, 0.5 / 255, 0.6 / 255, 1, 2])).tolist() == [0, 0, 0, 1, 255, 255]


class TestFiles:
    def test_what_is_saved_is_read_again(self, tmp_path):
        model = make(batch_norm=True)
        model(as_tensor(pictures(), "cpu"))  # moves the stored moments
        model.eps_factor = 0.25
        model.save_pretrained(tmp_path / "model")
        again = Autoencoder.from_pretrained(tmp_path / "model")
        assert again.eps_factor == 0.25
        assert not again.training
        assert torch.equal(again.encode(pictures()).mean, model.encode(pictures()).mean)
        codes = np.ones((2, 3), np.float32)
        assert np.array_equal(again.decode(codes), model.decode(codes))

    def test_nothing_is_overwritten_without_force(self, tmp_path):
        make().save_pretrained(tmp_path / "model")
        with pytest.raises(ExistsError, match="exists"):
            make(1).save_pretrained(tmp_path / "model")
        make(1).save_pretrained(tmp_path / "model", force=True)
        assert torch.equal(Autoencoder.from_pretrained(tmp_path / "model").head.mean.weight, make(1).head.mean.weight)
        assert [path.name for path in tmp_path.iterdir()] == ["model"]

    @pytest.mark.parametrize(
        ("damage", "named"),
        [
            (lambda folder: shutil.rmtree(folder), "config.json"),
            (lambda folder: (folder / "model.safetensors").unlink(), "model.safetensors: no such file"),
            (lambda folder: cut_short(folder / "model.safetensors"), "model.safetensors: not a readable"),
            (lambda folder: (folder / "model.safetensors").write_bytes(b""), "model.safetensors: not a readable"),
            (lambda folder: make(z_dim=4).save_pretrained(folder.parent / "b") or swap(folder), "weights of another"),
            (lambda folder: (folder / "config.json").write_text("{}"), "config.json must have the format"),
            (lambda folder: change(folder, lambda content: content.pop("config")), "config.json"),
            (lambda folder: change(folder, lambda content: content["config"].update(z_dim=0)), "config.json: z_dim"),
            (lambda folder: change(folder, lambda content: content.update(config=[])), "config.json"),
            (lambda folder: change(folder, lambda content: content.update(version=99)), "newer zscope"),
        ],
    )
    def test_damaged_folders_are_named_in_one_line(self, tmp_path, damage, named):
        folder = tmp_path / "model"
        make().save_pretrained(folder)
        damage(folder)
        with pytest.raises(FormatError, match=named) as caught:
            Autoencoder.from_pretrained(folder)
        assert "\n" not in str(caught.value)


class TestSamplers:
    @pytest.fixture
    def folder(self, tmp_path):
        """A model with a sampler of all its codes, and one of two values of a label."""
        make().save_pretrained(tmp_path / "model")
        codes = np.random.default_rng(0).standard_normal((40, 3)).astype(np.float32)
        about = {"model": file_hash(tmp_path / "model" / "model.safetensors")}
        save_sampler(tmp_path / "model" / "sampler.safetensors", cloud("axes").fit(codes), about)
        labelled = ConditionalCloud("axes").fit(codes, np.resize(["True", "False"], 40))
        save_sampler(tmp_path / "model" / "sampler-smile.safetensors", labelled, {**about, "label": "smile"})
        return tmp_path / "model"

    def test_draws_of_the_kept_sampler_are_decoded(self, folder):
        model = Autoencoder.from_pretrained(folder)
        assert model.sample(np.int64(3)).shape == (3, 8, 8, 1)
        np.testing.assert_array_equal(model.sample(3, label="smile=true"), model.sample(3, label="smile=True"))
        assert (model.sample(9, label="smile=true") != model.sample(9, label="smile=false")).any()
        with pytest.raises(ParameterError, match="label must be one of False, True, got maybe"):
            model.sample(3, label="smile=maybe")

    @pytest.mark.parametrize("label", [None, "smile=True"])
    def test_a_sampler_of_another_model_is_refused(self, folder, label):
        make(1).save_pretrained(folder.parent / "b")
        shutil.copy(folder.parent / "b" / "model.safetensors", folder)
        with pytest.raises(
            FormatError, match=r"sampler.*was fitted to codes of another model: zscope sample .* --ladder"
        ):
            Autoencoder.from_pretrained(folder).sample(2, label=label)

    def test_a_sampler_of_another_label_is_refused(self, folder):
        shutil.copy(folder / "sampler-smile.safetensors", folder / "sampler-hat.safetensors")
        shutil.copy(folder / "sampler.safetensors", folder / "sampler-eyes.safetensors")
        model = Autoencoder.from_pretrained(folder)
        for column, got in (("hat", "smile"), ("eyes", "None")):
            with pytest.raises(FormatError, match=f"must hold a sampler of the label {column}, got one of {got}"):
                model.sample(2, label=f"{column}=True")

    @pytest.mark.parametrize(
        ("values", "message"),
        [
            ({"n": 0}, "n must be at least 1, got 0"),
            ({"n": 2.5}, "n must be a whole number, got 2.5"),
            ({"n": 2, "seed": -1}, "seed must be at least 0, got -1"),
            ({"n": 2, "seed": "0"}, "seed must be a whole number, got 0"),
        ],
    )
    def test_wrong_numbers(self, folder, values, message):
        with pytest.raises(ParameterError, match=message):
            Autoencoder.from_pretrained(folder).sample(**values)


def test_a_run_without_a_model_is_not_finished(tmp_path):
    parts = {"source": "digits", "hash": "", "data": {"hash": ""}, "state": "training"}
    config = {"model": {"kind": "ae", "shape": [8, 8, 1], "beta": 0.0}, "training": {}}
    write_json(tmp_path / "run.json", "zscope-run", 1, {**parts, "config": config})
    with pytest.raises(FormatError, match=r"holds no model: its training is not finished \(state: training\)"):
        Autoencoder.from_pretrained(tmp_path)


def cut_short(path):
    path.write_bytes(path.read_bytes()[:-40])


def swap(folder):
    shutil.copy(folder.parent / "b" / "model.safetensors", folder / "model.safetensors")


def change(folder, edit):
    content = json.loads((folder / "config.json").read_text())
    edit(content)
    (folder / "config.json").write_text(json.dumps(content))


@pytest.mark.parametrize(("beta", "sigma"), [(0.05, 1.0), (1.0, math.sqrt(0.05))])
def test_linear_vae_is_probabilistic_pca(beta, sigma):
    """A VAE without bends has a known optimum (Lucas et al. 2019, "Don't Blame the ELBO!").

    With λ the eigenvalues of the images' covariance and b = β σ², an axis is active iff λ > b; its decoder weight is
    √(λ − b), its posterior variance b / λ, its KL ½ log(λ / b), and what it leaves of the squared error b.
    """
    level, pixels = beta * sigma**2, load_digits().images.reshape(-1, 64) / 16
    eigenvalues, directions = np.linalg.eigh(np.cov(pixels.T, bias=True))
    eigenvalues, directions = eigenvalues[::-1][:20], directions[:, ::-1][:, :20]
    active = eigenvalues > level
    expected_kl = 0.5 * np.log(eigenvalues[active] / level).sum()
    assert active.sum() == 18
    assert expected_kl == pytest.approx(10.65, abs=0.01)
    unexplained = pixels.var(axis=0).sum() - eigenvalues[active].sum()
    squared = level * active.sum() + unexplained
    expected = 0.5 * squared / sigma**2 + 32 * math.log(2 * math.pi * sigma**2) + beta * expected_kl

    linear = {"layers": [{"filters": 1, "kernel": 1}], "slope": 1.0, "z_dim": 20}
    model = make(**linear, likelihood="gaussian", sigma=sigma, beta=beta)
    weights = np.where(active, np.sqrt(np.maximum(eigenvalues - level, 0)), 0) * directions
    to_mean = (weights / eigenvalues).T
    variance = np.where(active, level / eigenvalues, 1)
    optimum = {
        "encoder.0.weight": [[[[1]]]],
        "encoder.0.bias": [0],
        "head.mean.weight": to_mean,
        "head.mean.bias": -to_mean @ pixels.mean(axis=0),
        "head.logvar.weight": np.zeros((20, 64)),
        "head.logvar.bias": np.log(variance),
        "decoder.0.weight": weights,
        "decoder.0.bias": pixels.mean(axis=0),
        "decoder.2.weight": [[[[1]]]],
        "decoder.2.bias": [0],
    }
    model.load_state_dict({name: torch.tensor(np.asarray(value, np.float32)) for name, value in optimum.items()})
    images = torch.tensor(pixels.reshape(-1, 1, 8, 8), dtype=torch.float32)

    def losses():
        torch.manual_seed(1)  # the same noise for every model that is compared
        with torch.no_grad():
            return model(images)

    best = losses()
    assert float(best.kl) == pytest.approx(expected_kl, rel=1e-4)
    # With σ = 1 the noise moves the squared error of an image by about 0.25 nats, its mean over 1,797 images by 0.006.
    assert float(best.total) == pytest.approx(expected, abs=0.03 / sigma**2)
    for seed in range(10):
        generator = torch.Generator().manual_seed(seed)
        before = {name: value.clone() for name, value in model.state_dict().items()}
        with torch.no_grad():
            for parameter in model.parameters():
                parameter += 0.03 * torch.randn(parameter.shape, generator=generator)
        assert losses().total > best.total
        model.load_state_dict(before)


def test_images_that_cannot_be_written_to_are_encoded_without_a_warning():
    images = np.zeros((2, 8, 8, 1), np.uint8)
    images.flags.writeable = False
    assert make(z_dim=2).encode(images).mean.shape == (2, 2)
