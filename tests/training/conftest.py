"""A few of the embedded digits, and a small model to train on them."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from zscope.data import prepare
from zscope.study.request import TrainRequest
from zscope.study.train import train


@pytest.fixture(scope="session")
def digits(tmp_path_factory):
    return prepare("digits", root=tmp_path_factory.mktemp("stores"))


@pytest.fixture
def request_of():
    """Make a request for a small model; what a test is about it names."""

    def make(**changes):
        values = {
            "model": "vae",
            "filters": (4, 8),
            "strides": (1, 2),
            "z_dim": 3,
            "epochs": 3,
            "batch": 32,
            "limit": 200,
            "device": "cpu",
            "precision": "fp32",
            **changes,
        }
        return TrainRequest.of(**values)

    return make


@pytest.fixture
def train_digits(digits, request_of):
    """Train the small model into a folder."""

    def run(out, *, store=digits, resume=False, start_from=None, force=False, progress=None, **changes):
        more = {} if progress is None else {"progress": progress}
        return train(
            request_of(**changes),
            "digits",
            store,
            out=out,
            resume=resume,
            start_from=start_from,
            force=force,
            log=lambda line: None,
            **more,
        )

    return run


def weights_of(run, name="model"):
    """Tensors of a run's model or of one of its checkpoints."""
    if name == "model":
        return load_file(run.path / "model" / "model.safetensors")
    tensors = load_file(run.path / "checkpoints" / name / "checkpoint.safetensors")
    return {key.removeprefix("model."): value for key, value in tensors.items() if key.startswith("model.")}


def same_weights(first, second):
    """Whether two sets of tensors are equal bit for bit."""
    return first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first)


def without_seconds(records):
    """Metrics without the one entry that no two runs share."""
    return [{key: value for key, value in record.items() if key != "seconds"} for record in records]


@pytest.fixture
def weights():
    return weights_of


@pytest.fixture
def same():
    return same_weights


@pytest.fixture
def timeless():
    return without_seconds


@pytest.fixture
def finite():
    return lambda tensors: all(np.isfinite(value.float().numpy()).all() for value in tensors.values())
