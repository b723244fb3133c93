"""Perturbations of a code, with a decoder in closed form, and posterior noise."""

import numpy as np
import pytest
import torch

from zscope.errors import CodesError, ParameterError
from zscope.generation.neighbourhood import Neighbourhood
from zscope.generation.noise import posterior_samples
from zscope.generation.perturbation import DIRECTIONS, directions, largest_meaningful, perturbed
from zscope.models import Autoencoder, ModelConfig

D = 4


def decode(codes):
    """Images of 2 × 2 pixels, a pixel an axis, grey at 0."""
    return np.clip(0.5 + codes.reshape(-1, 2, 2, 1) / 100, 0, 1).astype(np.float32)


@pytest.fixture(scope="module")
def neighbourhood():
    codes = np.random.default_rng(0).standard_normal((300, D)) * [6, 3, 1, 1]
    return Neighbourhood.of(codes.astype(np.float32))


def test_what_is_typical_is_the_median_nearest_distance():
    codes = np.array([[0.0], [1], [3], [7], [15]], np.float32)
    found = Neighbourhood.of(codes)
    assert found.typical == 2  # of 1, 1, 2, 4 and 8
    np.testing.assert_allclose(found.ratio(np.array([[0.0], [-4], [11]])), [0, 2, 2])
    with pytest.raises(CodesError, match="equal to another"):
        Neighbourhood.of(np.zeros((5, 2), np.float32))
    with pytest.raises(CodesError, match="at least 2"):
        Neighbourhood.of(np.zeros((1, 2), np.float32))


@pytest.mark.parametrize("kind", DIRECTIONS)
def test_every_kind_gives_unit_vectors(kind, neighbourhood):
    found = directions(kind, neighbourhood.codes[0], neighbourhood.codes[1:], 6, np.random.default_rng(0))
    assert found.shape == (6, D)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1)


def test_principal_directions_go_both_ways_and_neighbours_are_the_nearest(neighbourhood):
    rng = np.random.default_rng(0)
    code, codes = neighbourhood.codes[0], neighbourhood.codes
    found = directions("principal", code, codes, 4, rng)
    np.testing.assert_allclose(found[0], -found[1])
    assert abs(found[0, 0]) > 0.98
    assert abs(found[2, 1]) > 0.98
    assert len(directions("principal", code, codes, 100, rng)) == 2 * D
    towards = directions("neighbour", code, codes, 3, rng)  # the code itself is among the codes and has no direction
    distances = np.linalg.norm(codes - code, axis=1)
    for place, row in enumerate(distances.argsort()[1:4]):
        np.testing.assert_allclose(code + distances[row] * towards[place], codes[row], rtol=1e-4, atol=1e-5)


def test_random_directions_favour_none():
    # The mean of n unit vectors has length about 1/√n = 0.011; second moments are 1/d with a standard error of 0.003.
    found = directions("random", np.zeros(D), np.zeros((1, D)), 8000, np.random.default_rng(2))
    assert np.linalg.norm(found.mean(axis=0)) < 0.04
    np.testing.assert_allclose(found.T @ found / 8000, np.eye(D) / D, atol=0.015)


def test_change_and_distance_are_those_of_the_linear_decoder(neighbourhood):
    code = np.zeros(D, np.float32)
    found = perturbed(code, neighbourhood, decode, "random", m=5, sizes=(0.5, 2.0), rng=np.random.default_rng(1))
    np.testing.assert_allclose(
        found.change, np.array([[0.5], [2.0]]) * neighbourhood.typical / 100 * np.ones(5), rtol=1e-3
    )
    assert found.images.shape == (2, 5, 2, 2, 1)
    units = directions("random", code, neighbourhood.codes, 5, np.random.default_rng(1))
    moved = code + 2 * neighbourhood.typical * units[3]
    nearest = np.linalg.norm(neighbourhood.codes - moved, axis=1).min()
    assert found.code_distance[1, 3] == pytest.approx(nearest / neighbourhood.typical, rel=1e-4)
    assert found.quality is None
    assert largest_meaningful(found) is None


@pytest.mark.parametrize(("limit", "wanted"), [(0.001, 0.0), (1.2, 1.0), (100, 4.0)])
def test_the_largest_meaningful_size(limit, wanted, neighbourhood):
    def quality(images):
        away = np.linalg.norm((images.reshape(len(images), -1) / 255.0 - 0.5) * 100, axis=1)
        return away / neighbourhood.typical / limit

    found = perturbed(
        np.zeros(D, np.float32),
        neighbourhood,
        decode,
        "random",
        sizes=(4.0, 1.0, 2.0),
        quality=quality,
        rng=np.random.default_rng(1),
    )
    assert largest_meaningful(found) == wanted


def test_wrong_numbers(neighbourhood):
    code, rng = np.zeros(D, np.float32), np.random.default_rng(0)
    with pytest.raises(ParameterError, match="directions must be one of random, principal, neighbour, got up"):
        perturbed(code, neighbourhood, decode, "up", rng=rng)
    with pytest.raises(ParameterError, match="sizes must be numbers above 0"):
        perturbed(code, neighbourhood, decode, "random", sizes=(0.0, 1.0), rng=rng)
    with pytest.raises(ParameterError, match="m must be at least 1"):
        perturbed(code, neighbourhood, decode, "random", m=0, rng=rng)


def model(kind, **values):
    torch.manual_seed(0)
    config = ModelConfig(kind=kind, shape=(8, 8, 1), z_dim=D, layers=[{"filters": 6, "stride": 2}], **values)
    return Autoencoder(config).eval()


IMAGE = np.random.default_rng(0).integers(0, 256, (8, 8, 1), dtype=np.uint8)


def test_noise_has_the_moments_of_the_posterior():
    vae = model("vae")
    drawn = posterior_samples(vae, IMAGE, 4000, 2.0, np.random.default_rng(0))
    posterior = vae.encode(IMAGE[None])
    mean, sd = posterior.mean[0].numpy(), (0.5 * posterior.logvar[0]).exp().numpy()
    # Standard errors: 2 sd/√4000 = 0.032 sd of the mean and 1.1 % of the spread; four of each.
    np.testing.assert_allclose(drawn.codes.mean(axis=0), mean, atol=0.13 * sd.max())
    np.testing.assert_allclose(drawn.codes.std(axis=0), 2 * sd, rtol=0.05)
    np.testing.assert_array_equal(drawn.images[:3], vae.decode_all(drawn.codes[:3]))
    np.testing.assert_allclose(drawn.sd, vae.decode(drawn.codes).std(axis=0), atol=1e-5)


def test_noise_comes_from_the_generator_alone():
    vae = model("vae")
    first = posterior_samples(vae, IMAGE, 3, 1.0, np.random.default_rng(7))
    torch.randn(10)
    again = posterior_samples(vae, IMAGE, 3, 1.0, np.random.default_rng(7))
    np.testing.assert_array_equal(first.codes, again.codes)
    still = posterior_samples(vae, IMAGE, 3, 0.0, np.random.default_rng(7))
    np.testing.assert_array_equal(still.images, np.repeat(still.reconstruction[None], 3, axis=0))
    assert still.sd.max() == 0


def test_noise_is_clipped_as_the_model_clips_it():
    vae = model("vae", eps_clip=0.5)
    drawn = posterior_samples(vae, IMAGE, 200, 1.0, np.random.default_rng(0))
    posterior = vae.encode(IMAGE[None])
    away = np.abs(drawn.codes - posterior.mean[0].numpy()) / (0.5 * posterior.logvar[0]).exp().numpy()
    assert away.max() == pytest.approx(0.5, rel=1e-3)


def test_an_autoencoder_has_no_noise():
    with pytest.raises(ParameterError, match="an AE has no posterior noise"):
        posterior_samples(model("ae"), IMAGE, 3, 1.0, np.random.default_rng(0))
    with pytest.raises(ParameterError, match="eps_factor must be a number from 0"):
        posterior_samples(model("vae"), IMAGE, 3, -1.0, np.random.default_rng(0))
    with pytest.raises(ParameterError, match="n must be at least 2"):
        posterior_samples(model("vae"), IMAGE, 1, 1.0, np.random.default_rng(0))
