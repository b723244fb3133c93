"""−log p(x) of held-out images: a linear decoder whose integral is known, the comparison's rows, the refusals."""

import numpy as np
import pytest
import torch
from torch import nn

from zscope.cli.main import run as zscope
from zscope.data import prepare
from zscope.data.preparation import unheard
from zscope.errors import ParameterError
from zscope.models import Autoencoder
from zscope.runs.run import Run
from zscope.study.likelihood import HeldOutLikelihood, held_out_likelihood, with_likelihoods
from zscope.study.payload import Comparison
from zscope.study.request import TrainRequest
from zscope.study.train import train


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    home = tmp_path_factory.mktemp("runs")
    grey = prepare("digits", root=home / "store", log=unheard).images
    np.save(home / "binary.npy", np.where(grey > 127, 255, 0).astype(np.uint8)[:300])
    source = f"array:{home / 'binary.npy'}"
    store = prepare(source, root=home / "store", held_out=0.2, log=unheard)
    shared = {"epochs": 2, "network": "mlp", "extra_dense": (16,), "z_dim": 1, "grids_every": 0, "precision": "fp32"}
    requests = {"ae": {"model": "ae"}, "one": {"model": "vae", "beta": 1.0}, "other": {"model": "vae", "beta": 2.0}}
    return {
        name: train(TrainRequest.of(**shared, **own), source, store, out=home / name, log=unheard)
        for name, own in requests.items()
    }


def test_it_is_the_integral_over_codes(trained):
    """In one dimension the integral over codes can be had by the trapezoidal rule."""
    run = trained["one"]
    found = held_out_likelihood(run, 2000, device="cpu")
    model = Autoencoder.from_pretrained(run.path)
    codes = torch.linspace(-12, 12, 4001)[:, None]
    store_images = _held_out(run)
    with torch.no_grad():
        logits = model.decoder(codes).double().flatten(1)
        pixels = torch.from_numpy(store_images).double().flatten(1) / 255
        log_given = -nn.functional.softplus(logits).sum(1) + pixels @ logits.T
        log_prior = -0.5 * codes.double()[:, 0] ** 2 - 0.5 * np.log(2 * np.pi)
        exact = -(torch.logsumexp(log_given + log_prior, 1) + np.log(24 / 4000))
    assert found.images == len(exact) == 60
    assert found.mean == pytest.approx(float(exact.mean()), abs=0.02)
    assert found.error == pytest.approx(float(exact.std() / 60**0.5), rel=0.02)
    assert not found.grey


def _held_out(run):
    from zscope.study.encode import open_store

    store = open_store(run)
    return store.images[store.indices("held-out")]


def test_more_samples_bring_the_bound_down(trained):
    few, many = (held_out_likelihood(trained["one"], samples, device="cpu") for samples in (1, 500))
    assert many.mean < few.mean
    assert few == held_out_likelihood(trained["one"], 1, device="cpu")


def test_an_autoencoder_has_none(trained):
    assert held_out_likelihood(trained["ae"], 5) is None


@pytest.mark.parametrize("samples", [0, -3, 100_001])
def test_samples_out_of_their_bounds(trained, samples):
    with pytest.raises(ParameterError, match=r"likelihood must be from 1 to 100,000 samples, got"):
        held_out_likelihood(trained["one"], samples)


def test_rows_of_a_comparison():
    table = Comparison(("a", "b"), (("epochs", "", (1.0, 2.0)),))
    found = [None, HeldOutLikelihood(90.0, 0.2, 50, grey=True)]
    rows, notes = with_likelihoods(table, found, 1)
    assert rows.rows[0] == table.rows[0]
    assert rows.rows[1] == ("−log p(x), held-out, by 1 sample", "nats per image", (None, 90.0))
    assert rows.rows[2] == ("its standard error over images", "nats per image", (None, 0.2))
    assert ["grey" in note for note in notes] == [False, True]
    assert len(with_likelihoods(table, [None, HeldOutLikelihood(90.0, None, 1, grey=False)], 1)[1]) == 1
    with pytest.raises(ParameterError, match="likelihood must be left out"):
        with_likelihoods(table, [None, None], 5)


def test_the_command(trained, capsys):
    names = [str(trained[name].path) for name in ("ae", "one", "other")]
    assert zscope(["compare", *names, "--likelihood", "20", "--quiet", "--device", "cpu"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (row,) = (line for line in lines if line.startswith("−log p(x), held-out, by 20 samples"))
    cells = row.rsplit(")", 1)[1].split()
    assert cells[0] == "–"
    for cell, name in zip(cells[1:], ("one", "other"), strict=True):
        assert float(cell) == pytest.approx(held_out_likelihood(trained[name], 20, device="cpu").mean, rel=1e-3)
    assert not any("grey" in line for line in lines)
    assert zscope(["compare", *names, "--likelihood", "0"]) == 2
    assert "likelihood must be from 1" in capsys.readouterr().err


def test_images_that_are_all_of_the_training(trained, tmp_path):
    home = trained["one"].path.parent
    source = f"array:{home / 'binary.npy'}"
    store = prepare(source, root=tmp_path / "store", held_out=0, log=unheard)
    request = TrainRequest.of(model="vae", beta=1.0, epochs=1, network="mlp", extra_dense=(4,), z_dim=1, grids_every=0)
    run = train(request, source, store, out=tmp_path / "run", log=unheard)
    assert held_out_likelihood(Run.open(run.path), 5) is None
