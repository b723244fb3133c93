"""Single codes: exact neighbours, images and reconstructions, labels; and small images."""

import json

import numpy as np
import pytest

from zscope.errors import ParameterError
from zscope.models import Autoencoder
from zscope.study.explore.points import nearest_rows, small


def test_neighbours_are_exact_and_never_the_code_itself():
    rng = np.random.default_rng(0)
    codes = (rng.normal(size=(300, 6)) + 1000).astype(np.float32)  # far from the origin, where products lose digits
    codes[[5, 7]] = codes[3]
    for row in (3, 50):
        rows, distances = nearest_rows(codes, row, 8)
        exact = np.linalg.norm(codes.astype(np.float64) - codes[row], axis=1)
        exact[row] = np.inf
        np.testing.assert_allclose(distances, np.sort(exact)[:8], rtol=1e-12)
        np.testing.assert_array_equal(distances, exact[rows])
    np.testing.assert_array_equal(nearest_rows(codes, 3, 2)[0], [5, 7])
    assert len(nearest_rows(codes[:4], 0, 9)[0]) == 3
    assert len(nearest_rows(codes[:1], 0, 9)[0]) == 0


def test_a_point_has_its_image_reconstruction_labels_and_neighbours(vae, home):
    answer = vae.point(12, 4)
    opened = vae.opened
    json.dumps(answer.data, allow_nan=False)
    np.testing.assert_array_equal(answer.buffers["code"], opened.codes[12])
    image = opened.pictures.images[opened.pictures.rows[12]]
    np.testing.assert_array_equal(answer.buffers["image"], image)
    decoded = Autoencoder.from_pretrained(home / "vae").decode_all(opened.codes[12:13])[0]
    np.testing.assert_array_equal(answer.buffers["reconstruction"], decoded)
    error = np.sqrt(np.mean((image / 255 - decoded / 255) ** 2))
    assert answer.data["numbers"]["reconstruction_error"] == pytest.approx(error)
    assert answer.data["numbers"]["kl"] == pytest.approx(opened.points["kl"][12].as_py())
    assert answer.data["labels"] == {"digit": opened.points["digit"][12].as_py()}
    assert (answer.data["row"], answer.data["id"]) == (12, opened.ids[12])
    rows, distances = nearest_rows(opened.codes, 12, 4)
    assert [one["row"] for one in answer.data["neighbours"]] == rows.tolist()
    assert [one["distance"] for one in answer.data["neighbours"]] == distances.tolist()
    np.testing.assert_array_equal(answer.buffers["neighbour_images"], opened.pictures.of(rows))


def test_codes_alone_have_neither_images_nor_reconstructions(cloud):
    answer = cloud.point(4, 2)
    assert set(answer.buffers) == {"code"}
    assert answer.data["labels"] == {"letter": "a", "odd": True, "quarter": None}
    assert answer.data["split"] == "given"
    assert "--images FILE brings them" in answer.data["says"]
    with pytest.raises(ParameterError, match="row must be a whole number from 0 to 599, got 600"):
        cloud.point(600)
    with pytest.raises(ParameterError, match="neighbours must be a whole number from 0 to 50, got 51"):
        cloud.point(0, 51)


def test_small_images_are_means_over_areas():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (3, 8, 4, 1), dtype=np.uint8)
    expected = np.rint(images.reshape(3, 4, 2, 2, 2, 1).mean(axis=(2, 4)))
    assert np.abs(small(images, 4).astype(int) - expected).max() <= 1  # a half may be rounded either way
    assert small(images, 4).shape == (3, 4, 2, 1)
    assert small(images, 8) is images


def test_thumbnails_come_in_the_order_of_the_rows(vae):
    answer = vae.thumbnails([9, 2, 9], 64)
    np.testing.assert_array_equal(answer.buffers["images"], vae.opened.pictures.of(np.array([9, 2, 9])))
    for rows, message in (
        ([400], "rows must be from 0 to 399, got 400"),
        ([], "rows must name at least one code"),
        ([0.5], "rows must be whole numbers"),
        ([0] * 401, "the number of rows must be a whole number from 1 to 400, got 401"),
    ):
        with pytest.raises(ParameterError, match=message):
            vae.thumbnails(rows)
