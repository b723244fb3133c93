"""−log p(x) of held-out images: a linear decoder whose integral is known, the comparison's rows, the refusals."""

import json
import shutil

import numpy as np
import pytest
import torch
from torch import nn

from zscope.cli.main import run as zscope
from zscope.data import prepare
from zscope.data.preparation import unheard
from zscope.errors import FormatError, ParameterError, TrainingError
from zscope.models import Autoencoder
from zscope.study.encode import open_store
from zscope.study.likelihood import HeldOutLikelihood, held_out_likelihoods, with_likelihoods
from zscope.study.load import load_study
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


def held_out_likelihood(run, samples):
    return held_out_likelihoods([run], samples, device="cpu")[0]


def test_it_is_the_integral_over_codes(trained):
    """In one dimension the integral over codes can be had by the trapezoidal rule."""
    run = trained["one"]
    found = held_out_likelihood(run, 2000)
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
    store = open_store(run)
    return store.images[store.indices("held-out")]


def test_more_samples_bring_the_bound_down(trained):
    few, many = (held_out_likelihood(trained["one"], samples) for samples in (1, 500))
    assert many.mean < few.mean
    assert few == held_out_likelihood(trained["one"], 1)


def test_an_autoencoder_has_none(trained):
    found = held_out_likelihoods([trained["ae"], trained["one"]], 5, device="cpu")
    assert found == [None, held_out_likelihood(trained["one"], 5)]
    with pytest.raises(ParameterError, match="likelihood must be left out: it is that of a VAE"):
        held_out_likelihood(trained["ae"], 5)


@pytest.mark.parametrize("samples", [0, -3, 100_001])
def test_samples_out_of_their_bounds(trained, samples):
    with pytest.raises(ParameterError, match=r"likelihood must be from 1 to 100,000 samples, got"):
        held_out_likelihood(trained["one"], samples)


def test_many_samples_of_few_images(trained, monkeypatch):
    """More samples than codes that are decoded at a time: an image at a time."""
    monkeypatch.setattr("zscope.study.likelihood._CODES", 4)
    steps = []
    (found,) = held_out_likelihoods(
        [trained["one"]], 5, device="cpu", progress=lambda what, done, of: steps.append((done, of))
    )
    assert steps == [(done, 60) for done in range(60)]
    assert found.mean == pytest.approx(held_out_likelihood(trained["one"], 500).mean, abs=0.3)


def run_of(home, source, store, name, **own):
    request = TrainRequest.of(**{"model": "vae", "beta": 1.0, "epochs": 1, "grids_every": 0, "z_dim": 2} | own)
    return train(request, source, store, out=home / name, log=unheard)


PRIORS_AND_LIKELIHOODS = [
    {},
    {"likelihood": "learned-gaussian"},
    {"likelihood": "discretised-logistic", "prior": "vamp:inputs=5", "spectral_norm": True},
    {"likelihood": "continuous-bernoulli", "batch_norm": True},
]


@pytest.mark.parametrize("own", PRIORS_AND_LIKELIHOODS)
def test_it_is_at_most_the_bound_of_training(tmp_path, own):
    """Of the images that the run held out and no others, with any likelihood and prior."""
    store = prepare("digits", root=tmp_path / "store", log=unheard)
    run = run_of(tmp_path, "digits", store, "run", limit=300, precision="fp32", filters=[4], **own)
    (found,) = held_out_likelihoods([run], 50, device="cpu")
    assert found.images == run.data["held_out"] < len(store.indices("held-out"))
    assert found.grey == ("likelihood" not in own)
    last = [line for line in run.metrics() if line["split"] == "held-out"][-1]
    assert found.mean < last["reconstruction"] + last["kl"]


def test_what_is_wrong_with_a_run_is_found_before_the_first_is_measured(trained, tmp_path, monkeypatch):
    monkeypatch.setattr("zscope.study.likelihood._measured", lambda *_: pytest.fail("measured"))
    source = trained["one"].manifest["source"]
    store = prepare(source, root=tmp_path / "store", held_out=0.2, log=unheard)
    bad = run_of(tmp_path, source, store, "bad", network="mlp", extra_dense=(4,))
    config = {**bad.config, "model": {**bad.config["model"], "network": "own"}}
    monkeypatch.setitem(bad.manifest, "config", config)
    with pytest.raises(ParameterError, match=r"likelihood must be left out: .*bad is of modules of your own"):
        held_out_likelihoods([trained["one"], bad], 5)
    shutil.rmtree(tmp_path / "store")
    with pytest.raises(FormatError, match=r"its image store .* is gone"):
        held_out_likelihoods([trained["one"], bad], 5)
    bad.save(state="interrupted")
    with pytest.raises(TrainingError, match="is not finished"):
        held_out_likelihoods([trained["one"], bad], 5)
    with pytest.raises(ParameterError, match="device must be"):
        held_out_likelihoods([trained["one"]], 5, device="nonsense")


def test_the_command(trained, capsys, tmp_path):
    names = [str(trained[name].path) for name in ("ae", "one", "other")]
    command = ["compare", *names, "--likelihood", "20", "--quiet", "--device", "cpu"]
    assert zscope([*command, "--out", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    start = "−log p(x) of held-out images by 20 importance samples each"
    (row,) = (line for line in lines if line.startswith(f"{start} (nats per image)"))
    cells = row.rsplit(")", 1)[1].split()
    means = [held_out_likelihood(trained[name], 20).mean for name in ("one", "other")]
    assert cells[0] == "–"
    assert [float(cell) for cell in cells[1:]] == pytest.approx(means, rel=1e-3)
    says = f"{start}: one {means[0]:.2f}, other {means[1]:.2f} nats per image, from above (more samples bring it down)."
    assert says in lines
    assert not any("Pixels are grey" in line for line in lines)
    assert says in (tmp_path / "report.html").read_text()
    assert zscope([*command, "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["findings"][-1] == {**content["findings"][-1], "says": says, "advice": None}
    assert content["comparison"]["rows"][-1] == {"figure": "held-out images", "unit": "", "values": [None, 60.0, 60.0]}
    assert zscope(["compare", *names, "--likelihood", "0"]) == 2
    assert "likelihood must be from 1" in capsys.readouterr().err
    assert zscope([*command, "--out", str(tmp_path)]) == 1
    assert "report.html exists" in capsys.readouterr().err


def test_grey_pixels_are_said(trained):
    payload = load_study("study", [trained["ae"], trained["one"]])
    found = [None, HeldOutLikelihood(90.0, None, 1, grey=True)]
    told, finding = with_likelihoods(payload, found, 1)
    assert told.comparison.rows[:-3] == payload.comparison.rows
    assert [values for _, _, values in told.comparison.rows[-3:]] == [(None, 90.0), (None, None), (None, 1.0)]
    assert told.findings == (*payload.findings, finding)
    assert finding.says.startswith("−log p(x) of held-out images by 1 importance sample each: one 90.00 nats")
    assert finding.advice.startswith("Pixels are grey")


def test_images_that_are_all_of_the_training(trained, tmp_path):
    source = trained["one"].manifest["source"]
    store = prepare(source, root=tmp_path / "store", held_out=0, log=unheard)
    run = run_of(tmp_path, source, store, "run", network="mlp", extra_dense=(4,))
    with pytest.raises(ParameterError, match="images that were held out"):
        held_out_likelihoods([run], 5)
