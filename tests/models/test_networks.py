"""Residual and dense networks, the spectral norm, and modules that a user brings."""

import numpy as np
import pytest
import torch
from torch import nn

from zscope.errors import ParameterError
from zscope.models import Autoencoder
from zscope.models.config import validated
from zscope.models.layers import SameConv2d
from zscope.models.networks import ResidualBlock

LAYERS = [{"filters": 4}, {"filters": 8, "stride": 2}]


def make(**changes):
    torch.manual_seed(0)
    return Autoencoder(validated(**{"kind": "vae", "shape": (7, 9, 3), "z_dim": 3, "layers": LAYERS, **changes}))


def pictures(count=4, shape=(7, 9, 3)):
    return np.random.default_rng(0).integers(0, 256, (count, *shape), dtype=np.uint8)


@pytest.mark.parametrize(
    "changes",
    [
        {"network": "residual"},
        {"network": "residual", "batch_norm": True, "extra_dense": (5,)},
        {"network": "mlp", "layers": (), "extra_dense": (12, 6)},
        {"spectral_norm": True},
    ],
)
def test_shapes_gradients_and_files(changes, tmp_path):
    model = make(**changes)
    assert model.decode(model.encode(pictures()).mean).shape == (4, 7, 9, 3)
    model(torch.rand(4, 3, 7, 9)).total.backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in model.parameters())
    model.save_pretrained(tmp_path / "model")
    again = Autoencoder.from_pretrained(tmp_path / "model")
    assert again.config == model.config
    codes = np.ones((2, 3), np.float32)
    assert np.array_equal(again.decode(codes), model.decode(codes))


class TestResidual:
    def test_parameters_counted_by_hand(self):
        # Two convolutions a block: one block after each of the encoder's layers, one before each of the decoder's.
        blocks = 2 * (9 * 4 * 4 + 4) + 2 * (9 * 8 * 8 + 8)
        assert make(network="residual").parameter_count - make().parameter_count == 2 * blocks

    def test_a_block_adds_its_branch(self):
        block = ResidualBlock(make(network="residual").config, 4, 3, (5, 6))
        x = torch.randn(2, 4, 5, 6)
        act = nn.LeakyReLU(0.3)
        first, second = (module for module in block.modules() if isinstance(module, SameConv2d))
        torch.testing.assert_close(block(x), x + second(act(first(act(x)))))
        nn.init.zeros_(second.weight)
        nn.init.zeros_(second.bias)
        assert torch.equal(block(x), x)


def test_mlp_counted_by_hand():
    pixels, model = 7 * 9 * 3, make(network="mlp", layers=(), extra_dense=(12, 6), kind="ae")
    encoder = (pixels * 12 + 12) + (12 * 6 + 6) + (6 * 3 + 3)
    decoder = (3 * 6 + 6) + (6 * 12 + 12) + (12 * pixels + pixels)
    assert model.parameter_count == encoder + decoder


def test_spectral_norm_makes_the_largest_singular_value_of_the_decoder_1():
    model = make(spectral_norm=True)
    for _ in range(60):
        model.decoder(torch.zeros(1, 3))  # each pass in training mode is a power iteration
    model.eval()
    weights = [layer.weight.detach() for layer in model.decoder if hasattr(layer, "weight")]
    assert len(weights) == 3
    for weight in weights:
        # A transposed convolution has its output filters on the second axis.
        matrix = weight.transpose(0, 1).flatten(1) if weight.ndim == 4 else weight
        assert float(torch.linalg.svdvals(matrix)[0]) == pytest.approx(1, abs=1e-3)
    assert not any("parametrizations" in name for name in model.encoder.state_dict())


def own(shape=(7, 9, 3), z_dim=3, outputs=None):
    torch.manual_seed(1)
    pixels = int(np.prod(shape))
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(pixels, 5), nn.BatchNorm1d(5), nn.ReLU())
    height, width, channels = outputs or shape
    decoder = nn.Sequential(nn.Linear(z_dim, height * width * channels), nn.Unflatten(1, (channels, height, width)))
    return encoder, decoder


class TestOwnModules:
    def test_are_used_as_they_are(self):
        encoder, decoder = own()
        before = encoder[1].weight.clone()
        model = Autoencoder.of(encoder, decoder, shape=(7, 9, 3), z_dim=3, kind="vae", beta=2.0)
        assert model.encoder is encoder
        assert model.decoder is decoder
        assert torch.equal(encoder[1].weight, before)  # our initialisation leaves them alone
        assert encoder.training
        assert model.head.mean.in_features == 5
        assert model.encode(pictures()).mean.shape == (4, 3)
        losses = model(torch.rand(4, 3, 7, 9))
        torch.testing.assert_close(losses.total, losses.reconstruction + 2 * losses.kl)

    def test_are_passed_again_when_the_model_is_read(self, tmp_path):
        model = Autoencoder.of(*own(), shape=(7, 9, 3), z_dim=3, kind="ae")
        model.save_pretrained(tmp_path / "model")
        encoder, decoder = own()
        for parameter in (*encoder.parameters(), *decoder.parameters()):
            nn.init.zeros_(parameter)
        again = Autoencoder.from_pretrained(tmp_path / "model", encoder=encoder, decoder=decoder)
        assert torch.equal(again.encode(pictures()).mean, model.encode(pictures()).mean)
        with pytest.raises(ParameterError, match=r"encoder must be passed as a module: .* whose code is not kept"):
            Autoencoder.from_pretrained(tmp_path / "model")

    def test_are_not_taken_for_another_network(self):
        encoder, _ = own()
        with pytest.raises(ParameterError, match="encoder must be left out for the network convolutional, got Seq"):
            Autoencoder(make().config, encoder)

    @pytest.mark.parametrize(
        ("encoder", "decoder", "message"),
        [
            (
                own()[0],
                own(outputs=(7, 8, 3))[1],
                r"decoder must make images \(N, 3, 7, 9\) of codes \(N, 3\), got \(1, 3, 7, 8\) of one code",
            ),
            (own()[0], own(z_dim=4)[1], r"decoder must take a tensor \(1, 3\) .*, got mat1 and mat2"),
            (own(shape=(7, 9, 1))[0], own()[1], r"encoder must take a tensor \(1, 3, 7, 9\) .*, got mat1 and mat2"),
            (
                nn.Identity(),
                own()[1],
                r"encoder must make features \(N, F\) of images \(N, 3, 7, 9\), got \(1, 3, 7, 9",
            ),
            (nn.LSTM(9, 2), own()[1], r"encoder must "),
            (None, own()[1], "encoder must be passed as a module"),
        ],
    )
    def test_of_another_shape_are_refused_in_one_line(self, encoder, decoder, message):
        with pytest.raises(ParameterError, match=f"^{message}") as caught:
            Autoencoder.of(encoder, decoder, shape=(7, 9, 3), z_dim=3)
        assert "\n" not in str(caught.value)
