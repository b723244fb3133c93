"""Every corruption spoils images, and the parts that judge images do what they say."""

import numpy as np
import pyarrow as pa
import pytest
import torch

from zscope.errors import ParameterError
from zscope.judging.corruptions import CORRUPTIONS, spoil
from zscope.judging.network import RandomFeatures, embedded, judged_shape, reduced
from zscope.judging.tasks import Content, label_tasks


def pictures(shape, n=24):
    """Smooth images that differ from each other, as floats (n, C, H, W)."""
    coarse = torch.rand((n, shape[2], 3, 3), generator=torch.Generator().manual_seed(1))
    return torch.nn.functional.interpolate(coarse, size=shape[:2], mode="bilinear", align_corners=True)


@pytest.mark.parametrize("shape", [(8, 8, 1), (28, 28, 1), (48, 39, 3)])
@pytest.mark.parametrize("name", CORRUPTIONS)
def test_corruptions(name, shape):
    images = pictures(shape)
    before = images.clone()
    spoilt, again = (CORRUPTIONS[name](images, torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(images, before)
    assert torch.equal(spoilt, again)
    assert spoilt.shape == images.shape
    assert 0 <= spoilt.min() <= spoilt.max() <= 1 + 1e-6
    assert ((spoilt - images).abs().mean(dim=(1, 2, 3)) > 1e-3).all()


def test_each_corruption_gets_an_equal_share():
    images = pictures((8, 8, 1), 100)
    spoilt, kinds = spoil(images, torch.Generator().manual_seed(0))
    assert spoilt.shape == images.shape
    counts = torch.bincount(kinds).tolist()
    assert counts[0] == 0
    assert len(counts) == 1 + len(CORRUPTIONS)
    assert set(counts[1:]) <= {100 // len(CORRUPTIONS), 100 // len(CORRUPTIONS) + 1}


def test_large_images_are_judged_as_means_over_areas():
    assert judged_shape((96, 96, 3)) == (48, 48, 3)
    assert judged_shape((218, 178, 3)) == (48, 39, 3)
    assert judged_shape((28, 28, 1)) == (28, 28, 1)
    images = np.random.default_rng(0).integers(0, 256, (3, 96, 96, 3), dtype=np.uint8)
    means = images.reshape(3, 48, 2, 48, 2, 3).mean(axis=(2, 4))
    assert np.abs(reduced(images, (48, 48, 3)) - means).max() <= 0.5 + 1e-4


def test_random_features_are_always_the_same_and_know_places():
    first, second = RandomFeatures(1), RandomFeatures(1)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    projection = first.projection.weight.detach()
    assert torch.allclose(projection @ projection.T, torch.eye(len(projection)), atol=1e-5)
    images = np.zeros((2, 8, 8, 1), np.uint8)
    images[0, :3, :3], images[1, -3:, -3:] = 200, 200
    one, other = embedded(first, images, torch.device("cpu"))
    assert np.linalg.norm(one - other) > 0.1 * np.linalg.norm(one)


def test_content_has_unit_variance_and_no_correlations():
    images = np.random.default_rng(0).integers(0, 256, (300, 8, 8, 1), dtype=np.uint8)
    shown = Content.of(images, np.random.default_rng(0)).targets(images)
    assert shown.shape == (300, 16)
    assert np.cov(shown.T, bias=True) == pytest.approx(np.eye(16), abs=1e-3)
    with pytest.raises(ParameterError, match="differ from each other"):
        Content.of(np.zeros_like(images), np.random.default_rng(0))


LABELS = pa.table(
    {
        "id": [str(row) for row in range(100)],
        "split": ["train"] * 80 + ["held-out"] * 20,
        "kind": ["a", "b"] * 40 + ["c"] * 20,
        "person": [f"p{row}" for row in range(100)],
        "rare": [1 if row < 50 else None for row in range(100)],
        "constant": [0] * 100,
        "mostly": [None if row == 1 else row % 3 for row in range(100)],
    }
)


def test_labels_that_can_be_learnt():
    """Persons are too many, a rare label covers too few, a constant one tells nothing."""
    tasks = {task.name: task for task in label_tasks(LABELS, np.arange(80), None)}
    assert {name: task.classes for name, task in tasks.items()} == {"kind": 2, "mostly": 3}
    assert tasks["kind"].targets[:4].tolist() == [0, 1, 0, 1]
    assert (tasks["kind"].targets[80:] == -1).all()  # no training image is a c
    assert tasks["mostly"].targets[1] == -1


@pytest.mark.parametrize(("name", "says"), [("person", "2 to 40 values"), ("age", "be among kind, person")])
def test_a_label_that_was_named_must_do(name, says):
    with pytest.raises(ParameterError, match=says):
        label_tasks(LABELS, np.arange(80), [name])
