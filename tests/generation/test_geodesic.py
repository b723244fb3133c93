"""Geodesics on surfaces whose shortest paths are known."""

import numpy as np
import pytest
import torch

from zscope.errors import ParameterError
from zscope.generation.geodesic import geodesic, pictures_of
from zscope.generation.neighbourhood import Neighbourhood
from zscope.generation.paths import image_length, linear
from zscope.models import Autoencoder, ModelConfig


def sphere(z):
    """Longitude and latitude → a sphere of radius 2."""
    return 2 * torch.stack(
        [torch.cos(z[:, 0]) * torch.cos(z[:, 1]), torch.sin(z[:, 0]) * torch.cos(z[:, 1]), torch.sin(z[:, 1])], dim=1
    )


def cylinder(z):
    """A cylinder of radius 1 in a chart whose straight lines are not its shortest paths."""
    return torch.stack([torch.cos(z[:, 0]), torch.sin(z[:, 0]), z[:, 1] + 0.8 * torch.sin(2 * z[:, 0])], dim=1)


def fine_length(surface, curve):
    """Length of what a curve decodes to, independent of the solver's nodes."""
    return image_length(lambda codes: surface(torch.as_tensor(codes)).numpy(), curve, tolerance=1e-4).value


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_great_circle_of_a_sphere(dtype):
    start, end = np.array([0.0, 0.9]), np.array([2.0, 0.7])
    wanted = 2 * np.arccos(np.sin(0.9) * np.sin(0.7) + np.cos(0.9) * np.cos(0.7) * np.cos(2.0))
    straight = linear(start, end, 5).curve
    assert fine_length(sphere, straight) > 1.1 * wanted
    found = geodesic(sphere, straight, nodes=25, dtype=dtype)
    assert found.converged
    assert found.length == pytest.approx(wanted, rel=0.01)
    assert fine_length(sphere, found.curve) == pytest.approx(wanted, rel=0.01)
    np.testing.assert_allclose(found.curve[[0, -1]], [start, end], rtol=1e-6)
    # At constant speed the energy is the squared length, and it is never below it.
    assert found.energy == pytest.approx(found.length**2, rel=1e-3)
    assert found.energy >= found.length**2 * (1 - 1e-5)
    assert found.energy < found.energy_before
    # The pictures change evenly.
    steps = np.linalg.norm(np.diff(sphere(torch.as_tensor(found.curve)).numpy(), axis=0), axis=1)
    assert steps.max() < 1.05 * steps.min()


def test_helix_of_a_cylinder():
    start, end = np.array([0.0, 0.0]), np.array([2.5, 1.0])
    rise = 1.0 + 0.8 * np.sin(5.0)
    wanted = np.hypot(2.5, rise)
    found = geodesic(cylinder, linear(start, end, 5).curve, nodes=33)
    assert found.converged
    assert fine_length(cylinder, found.curve) == pytest.approx(wanted, rel=0.01)
    # Along a helix the height rises evenly with the angle.
    height = found.curve[:, 1] + 0.8 * np.sin(2 * found.curve[:, 0])
    np.testing.assert_allclose(height, rise * found.curve[:, 0] / 2.5, atol=0.02)


def test_what_cannot_be_shortened_stays():
    straight = linear(np.zeros(3), np.array([1.0, 2.0, 3.0]), 4).curve
    found = geodesic(lambda z: z, straight, nodes=9)
    np.testing.assert_allclose(found.curve, np.linspace(0, 1, 9)[:, None] * [1, 2, 3], atol=1e-4)
    assert found.length == pytest.approx(np.sqrt(14), rel=1e-5)
    nothing = geodesic(lambda z: z * 0, straight, nodes=9)
    assert nothing.converged
    assert nothing.energy == 0


def test_staying_near_codes_bends_the_path_to_them():
    """In a flat space with codes on a half circle, the path leaves the straight line for the codes."""
    angle = np.linspace(0, np.pi, 60)
    codes = np.column_stack([np.cos(angle), np.sin(angle)]).astype(np.float32)
    near = Neighbourhood.of(codes)
    bow = np.column_stack([np.cos(angle[::10]), 0.2 * np.sin(angle[::10])])
    free = geodesic(lambda z: z, bow)
    kept = geodesic(lambda z: z, bow, stay=1.0, neighbourhood=near)
    assert free.length == pytest.approx(np.linalg.norm(bow[-1] - bow[0]), rel=1e-3)
    assert near.ratio(kept.curve.astype(np.float32)).max() < 0.5 * near.ratio(free.curve.astype(np.float32)).max()


def test_few_iterations_are_not_called_converged():
    found = geodesic(sphere, linear(np.array([0.0, 1.3]), np.array([2.5, 1.2]), 5).curve, iterations=1, tolerance=1e-9)
    assert found.iterations == 10
    assert not found.converged


def test_a_model_is_a_differentiable_function_of_its_codes():
    torch.manual_seed(0)
    config = ModelConfig(
        kind="ae",
        shape=(8, 8, 1),
        z_dim=3,
        layers=[{"filters": 6, "stride": 2}],
        batch_norm=True,
        initialisation="torch",
    )
    model = Autoencoder(config).train()
    codes = torch.randn(4, 3, requires_grad=True)
    pictures = pictures_of(model)(codes)
    np.testing.assert_allclose(pictures.detach().permute(0, 2, 3, 1).numpy(), model.decode(codes.detach()), atol=1e-6)
    (gradient,) = torch.autograd.grad(pictures[0, 0, 3, 4], codes)
    assert model.training
    for axis in range(3):
        step = torch.zeros(4, 3)
        step[0, axis] = 1e-3
        up, down = (model.decode(codes.detach() + sign * step)[0, 3, 4, 0] for sign in (1, -1))
        assert gradient[0, axis] == pytest.approx((up - down) / 2e-3, rel=0.02, abs=1e-5)
    pictures_of(model)(codes).sum().backward()
    assert codes.grad is not None
    assert all(parameter.grad is None for parameter in model.parameters())
    assert all(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"nodes": 2}, "nodes must be at least 3"),
        ({"stay": -1.0}, "stay must be at least 0"),
        ({"stay": 1.0}, "stay must be 0 without codes"),
        ({"iterations": 0}, "iterations must be at least 1"),
    ],
)
def test_wrong_numbers(wrong, message):
    with pytest.raises(ParameterError, match=message):
        geodesic(sphere, np.zeros((2, 2)), **wrong)
