"""Paths between two codes: closed forms of where they go and of how long they are."""

import numpy as np
import pytest

from zscope.errors import ParameterError
from zscope.generation.paths import image_length, latent_length, linear, picture_distance, resampled, spherical


def circle(codes):
    """Angles (n, 1) → points on a circle of radius 3, as pictures of two pixels."""
    return 3 * np.column_stack([np.cos(codes[:, 0]), np.sin(codes[:, 0])])


def test_the_straight_midpoint_in_a_centred_shell_has_the_radius_over_root_two():
    # For N(0, I) in d dimensions |(u + v)/2|² has mean d/2; its relative sd over 400 pairs is √(2/(400 d)) < 0.5 %, so
    # that 2 % is beyond four sd.
    rng = np.random.default_rng(1)
    u, v = rng.standard_normal((2, 400, 256))
    middles = np.stack([linear(a, b, 3).frames[1] for a, b in zip(u, v, strict=True)])
    assert np.sqrt(np.square(middles).sum(axis=1).mean()) == pytest.approx(16 / np.sqrt(2), rel=0.02)
    bent = np.stack([spherical(a, b, 3, np.zeros(256)).frames[1] for a, b in zip(u, v, strict=True)])
    radii = (np.linalg.norm(u, axis=1) + np.linalg.norm(v, axis=1)) / 2
    np.testing.assert_allclose(np.linalg.norm(bent, axis=1), radii, rtol=1e-5)


def test_a_quarter_circle_about_a_centre():
    centre = np.array([5.0, -2.0, 1.0])
    path = spherical(centre + np.array([2, 0, 0]), centre + np.array([0, 2, 0]), 4, centre)
    angles = np.linspace(0, np.pi / 2, 4)
    wanted = centre + 2 * np.column_stack([np.cos(angles), np.sin(angles), np.zeros(4)])
    np.testing.assert_allclose(path.frames, wanted, atol=1e-6)
    assert latent_length(path.curve) == pytest.approx(np.pi, rel=2e-4)
    assert path.notes == ()


def test_the_radius_changes_evenly_along_a_great_circle():
    path = spherical(np.array([1.0, 0.0]), np.array([0.0, 3.0]), 5, np.zeros(2))
    np.testing.assert_allclose(np.linalg.norm(path.frames, axis=1), [1, 1.5, 2, 2.5, 3], rtol=1e-6)


def test_opposite_ends_take_a_half_circle_and_say_so():
    path = spherical(np.array([2.0, 0.0, 0.0]), np.array([-2.0, 0.0, 0.0]), 5, np.zeros(3))
    np.testing.assert_allclose(np.linalg.norm(path.frames, axis=1), 2, rtol=1e-6)
    assert latent_length(path.curve) == pytest.approx(2 * np.pi, rel=5e-4)
    assert "opposite" in path.notes[0]


@pytest.mark.parametrize(
    ("start", "end"),
    [([0.0, 0.0], [3.0, 4.0]), ([3.0, 4.0], [6.0, 8.0]), ([1.0, 1.0], [1.0, 1.0]), ([0.0, 0.0], [0.0, 0.0])],
)
def test_where_there_is_no_angle_the_circle_is_a_straight_line(start, end):
    bent = spherical(np.array(start), np.array(end), 5, np.zeros(2))
    np.testing.assert_allclose(bent.frames, linear(np.array(start), np.array(end), 5).frames, atol=1e-6)


def test_opposite_ends_on_a_line_have_only_the_line():
    frames = spherical(np.array([1.0]), np.array([-1.0]), 3, np.zeros(1)).frames
    np.testing.assert_allclose(frames[:, 0], [1, 0, -1], atol=1e-7)


def test_resampled_frames_lie_at_equal_lengths():
    curve = np.array([[0, 0], [1, 0], [1, 0], [1, 3.0]])
    np.testing.assert_allclose(resampled(curve, 5), [[0, 0], [1, 0], [1, 1], [1, 2], [1, 3]], atol=1e-6)
    np.testing.assert_allclose(resampled(curve, 3, np.array([0.0, 2, 2, 4]))[1], [1, 0], atol=1e-6)
    np.testing.assert_allclose(resampled(np.ones((3, 2)), 4), np.ones((4, 2)))


def test_length_of_an_arc_of_pictures():
    found = image_length(circle, np.array([[0.0], [0.4], [2.0]]), tolerance=1e-4)
    assert found.converged
    assert found.value == pytest.approx(6.0, rel=1e-4)
    np.testing.assert_allclose(found.along, [0, 1.2, 6.0], rtol=1e-4)
    assert picture_distance(circle, np.array([0.0]), np.array([2.0])) == pytest.approx(6 * np.sin(1.0), rel=1e-6)


def test_a_length_that_has_not_converged_says_so():
    found = image_length(lambda codes: np.sin(200 * codes), np.array([[0.0], [1.0]]), most=100)
    assert not found.converged
    assert found.value < 2 * 200 / np.pi  # the mean of |cos| is 2/π


def test_a_path_needs_two_frames():
    with pytest.raises(ParameterError, match="steps must be at least 2, got 1"):
        linear(np.zeros(2), np.ones(2), 1)
