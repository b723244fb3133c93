"""The networks of the presets, counted by hand, and what a configuration accepts."""

import pytest
import torch

from zscope.errors import ParameterError
from zscope.models import PRESETS, Autoencoder, Layer, ModelConfig, beta_of, preset
from zscope.models.config import validated
from zscope.models.networks import sizes
from zscope.models.presets import preset_for
from zscope.training.config import TrainingConfig


def count(name, kind, z_dim, **changes):
    chosen = PRESETS[name]
    values = {**chosen.network, **changes}
    return Autoencoder(validated(kind=kind, shape=chosen.shape, z_dim=z_dim, **values)).parameter_count


def test_mnist_has_the_parameters_of_experiment_s1():
    encoder = (9 * 1 * 32 + 32) + (9 * 32 * 64 + 64) + (9 * 64 * 128 + 128)
    features = 7 * 7 * 128
    decoder = (9 * 128 * 64 + 64) + (9 * 64 * 32 + 32) + (9 * 32 * 1 + 1)
    by_hand = encoder + (features * 16 + 16) + (16 * features + features) + decoder
    assert by_hand == 392_209
    assert count("mnist", "ae", 16) == by_hand
    assert count("mnist", "vae", 16) == by_hand + (features * 16 + 16)
    assert count("mnist", "ae", 2) == by_hand - 14 * (2 * features + 1)


def test_celeba_counted_by_hand():
    encoder = (27 * 32 + 32) + (9 * 32 * 64 + 64) + (9 * 64 * 128 + 128) + (9 * 128 * 256 + 256)
    features = 6 * 6 * 256
    decoder = (9 * 256 * 128 + 128) + (9 * 128 * 64 + 64) + (9 * 64 * 32 + 32) + (9 * 32 * 3 + 3)
    by_hand = encoder + (features * 256 + 256) + (256 * features + features) + decoder
    assert count("celeba", "ae", 256) == by_hand
    # Batch normalisation has a weight and a bias for each filter of every convolution but the last.
    normalised = 2 * (32 + 64 + 128 + 256 + 128 + 64 + 32)
    assert count("celeba", "vae", 256, batch_norm=True) == by_hand + features * 256 + 256 + normalised


def test_extra_dense_layers_counted_by_hand():
    plain = count("digits", "ae", 5)
    features = 2 * 2 * 64
    encoder = (features * 10 + 10) + (10 * 5 + 5) - (features * 5 + 5)
    decoder = (5 * 10 + 10) + (10 * features + features) - (5 * features + features)
    assert count("digits", "ae", 5, extra_dense=(10,)) == plain + encoder + decoder


@pytest.mark.parametrize("name", PRESETS)
class TestEveryPreset:
    def test_words(self, name):
        assert preset(name).what

    def test_recipe_is_valid(self, name):
        assert TrainingConfig(**preset(name).training).epochs > 0

    def test_network_gives_back_the_shape(self, name):
        chosen = preset(name)
        height, width, channels = chosen.shape
        for shape in (chosen.shape, (height - 1, width + 3, channels)):
            config = validated(kind="vae", shape=shape, z_dim=chosen.z_dim, **chosen.network)
            model = Autoencoder(config)
            posterior = model.encode(torch.rand(2, channels, *shape[:2]))
            assert posterior.mean.shape == (2, chosen.z_dim)
            assert model.decode(posterior.mean).shape == (2, *shape)

    def test_is_chosen_for_its_own_images(self, name):
        assert preset_for(preset(name).shape) == name


def test_unknown_preset_lists_the_known():
    with pytest.raises(ParameterError, match=r"^preset must be one of digits, mnist, celeba, got vgg$"):
        preset("vgg")


def test_sizes_round_up():
    config = ModelConfig(shape=(7, 10, 1), z_dim=1, layers=(Layer(filters=1, stride=2), Layer(filters=1, stride=3)))
    assert sizes(config) == [(7, 10), (4, 5), (2, 2)]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("fact", [0.0, 1e-5, 5.0])
def test_fact_and_beta_are_one_weight(channels, fact):
    beta = beta_of(beta=None, fact=fact, channels=channels, kind="vae")
    assert beta == fact * channels
    config = validated(kind="vae", shape=(8, 8, channels), z_dim=1, layers=[{"filters": 1}], beta=beta)
    assert config.fact == pytest.approx(fact, rel=1e-15)
    assert beta_of(beta=config.beta, fact=None, channels=channels, kind="vae") == beta


def test_defaults_of_the_weight():
    assert beta_of(beta=None, fact=None, channels=3, kind="vae") == 1
    assert beta_of(beta=None, fact=None, channels=3, kind="ae") == 0


@pytest.mark.parametrize(
    ("beta", "fact", "kind", "message"),
    [
        (1.0, 1.0, "vae", "beta must not be given together with fact"),
        (-1.0, None, "vae", "beta must be a finite number of at least 0, got -1.0"),
        (None, float("nan"), "vae", "fact must be a finite number of at least 0, got nan"),
        (None, float("inf"), "vae", "fact must be a finite number of at least 0, got inf"),
        (1.0, None, "ae", "beta must be left out for an AE"),
    ],
)
def test_weights_that_are_refused(beta, fact, kind, message):
    with pytest.raises(ParameterError, match=message):
        beta_of(beta=beta, fact=fact, channels=3, kind=kind)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"z_dim": 0}, "z_dim"),
        ({"shape": (8, 8, 2)}, "shape.2"),
        ({"layers": []}, "layers"),
        ({"layers": [{"filters": 1, "kernel": 4}]}, "kernel must be odd, got 4"),
        ({"slope": 2}, "slope"),
        ({"eps_clip": 0}, "eps_clip"),
        ({"eps_factor": float("nan")}, "eps_factor"),
        ({"likelihood": "laplace"}, "likelihood"),
        ({"depth": 3}, "depth"),
    ],
)
def test_configurations_that_are_refused_in_one_line(changes, named):
    values = {"kind": "vae", "shape": (8, 8, 1), "z_dim": 2, "layers": [{"filters": 1}], **changes}
    with pytest.raises(ParameterError, match=named) as caught:
        validated(**values)
    assert "\n" not in str(caught.value)
