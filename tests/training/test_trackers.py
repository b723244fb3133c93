"""Trackers: one contract, whichever program follows the run; and the pictures of a model in training."""

import importlib.machinery
import os
import signal
import sys
import types
import warnings

import numpy as np
import pytest
import torch
from PIL import Image

from zscope.errors import ParameterError, ZscopeError
from zscope.models import Autoencoder
from zscope.study.train import Interrupted
from zscope.training import records
from zscope.training.grids import COLUMNS, SAMPLE_ROWS, grid
from zscope.training.guard import Figures
from zscope.training.trackers import TRACKERS, tracker

CURVES = {f"{split}/{name}" for split in ("train", "held-out") for name in ("total", "reconstruction", "kl")}


def fake(monkeypatch, name, **attributes):
    module = types.ModuleType(name)
    module.__spec__ = importlib.machinery.ModuleSpec(name, None)
    for key, value in attributes.items():
        setattr(module, key, value)
    monkeypatch.setitem(sys.modules, name, module)


class Notes:
    """What a program was told: scalars by step, pictures by step, events, and how it ended."""

    def __init__(self):
        self.begun, self.scalars, self.pictures, self.events, self.ended = {}, {}, {}, [], []
        self.axes, self.continued, self.tags = {}, [], []

    def log(self, values, step):
        for name, value in values.items():
            if isinstance(value, float):
                self.scalars.setdefault(step, {})[name] = value
            elif isinstance(value, str):
                self.events.append(value)
            elif name != "training_step":
                self.pictures[step] = value


@pytest.fixture
def fakes(monkeypatch):
    """Stand-ins for the programs, which all write into the same notes."""

    def install(name):
        notes = Notes()
        if name == "wandb":
            run = types.SimpleNamespace(
                id="abc",
                define_metric=lambda name, step_metric=None: notes.axes.update({name: step_metric}),
                log=lambda values: notes.log(values, values["training_step"]),
                alert=lambda title, text: notes.events.append(text),
                finish=lambda exit_code: notes.ended.append({0: "finished"}.get(exit_code, "not")),
            )
            fake(
                monkeypatch,
                name,
                Image=np.asarray,
                init=lambda **about: (notes.begun.update(about), notes.continued.append(about["id"]), run)[-1],
            )
        elif name == "trackio":
            fake(
                monkeypatch,
                name,
                Image=lambda pixels, caption: np.asarray(pixels),
                init=lambda **about: (notes.begun.update(about), notes.continued.append(about["resume"])),
                log=lambda values, step: notes.log(values, step),
                finish=lambda: notes.ended.append("finished"),
            )
        elif name == "mlflow":
            fake(
                monkeypatch,
                name,
                set_experiment=lambda project: notes.begun.update(project=project),
                start_run=lambda run_name, run_id: (
                    notes.begun.update(name=run_name),
                    notes.continued.append(run_id),
                    types.SimpleNamespace(info=types.SimpleNamespace(run_id="abc")),
                )[-1],
                log_params=lambda config: notes.begun.update(config=config),
                log_metrics=lambda values, step: notes.log(values, step),
                log_image=lambda image, key, step: notes.pictures.update({step: image}),
                set_tag=lambda key, text: (notes.tags.append(key), notes.events.append(text)),
                end_run=lambda status: notes.ended.append({"FINISHED": "finished"}.get(status, "not")),
            )
        return notes

    return install


@pytest.mark.parametrize("name", sorted(set(TRACKERS) - {"tensorboard"}))
class TestContract:
    def test_it_is_told_of_losses_pictures_and_the_end(self, tmp_path, train_digits, fakes, name):
        notes = fakes(name)
        run = train_digits(tmp_path / "run", tracker=name, grids_every=2)
        assert (notes.begun["project"], notes.begun["name"]) == ("zscope", "run")
        assert notes.begun["config"]
        assert set(notes.scalars) == {6, 12, 18}
        for record in run.metrics():
            told = notes.scalars[record["step"]]
            assert set(told) == CURVES
            assert told[f"{record['split']}/total"] == record["total"]
        assert list(notes.pictures) == [12]
        assert np.asarray(notes.pictures[12]).dtype == np.uint8
        assert notes.ended == ["finished"]

    def test_it_is_told_of_events(self, tmp_path, train_digits, fakes, name):
        notes = fakes(name)
        run = train_digits(tmp_path / "run", tracker=name, model="ae", learning_rate=1.0, epochs=2)
        told = [text.partition(": ")[2] if text.startswith("step") else text for text in notes.events]
        assert told == [event["says"] for event in run.manifest["events"]]
        assert told

    def test_it_is_told_when_a_run_stops(self, tmp_path, train_digits, fakes, name):
        notes = fakes(name)
        with pytest.raises(Interrupted):
            train_digits(
                tmp_path / "run",
                tracker=name,
                progress=lambda what, done, total, /, **figures: os.kill(os.getpid(), signal.SIGINT),
            )
        assert notes.ended == (["finished"] if name == "trackio" else ["not"])  # Trackio knows one end only

    def test_it_changes_nothing(self, tmp_path, train_digits, fakes, weights, same, name):
        fakes(name)
        followed = train_digits(tmp_path / "followed", tracker=name, grids_every=1)
        alone = train_digits(tmp_path / "alone", grids_every=0)
        assert same(weights(followed), weights(alone))
        assert followed.manifest["hash"] == alone.manifest["hash"]

    def test_a_missing_package_is_one_line(self, request_of, monkeypatch, name):
        monkeypatch.setitem(sys.modules, name, None)
        monkeypatch.setattr("zscope.training.trackers.base.find_spec", lambda package: None)
        with pytest.raises(ZscopeError, match=rf"--tracker {name} needs {name}: pip install 'zscope\[trackers\]'"):
            request_of(tracker=name).check()


def test_wandb_has_an_axis_on_which_steps_may_fall(tmp_path, train_digits, fakes):
    """Its own step only rises: what a rescued run logs of an epoch again would be lost."""
    notes = fakes("wandb")
    run = train_digits(tmp_path / "run", tracker="wandb", model="ae", learning_rate=1.0, epochs=6)
    assert notes.axes == {"training_step": None, "*": "training_step"}
    assert run.manifest["events"]
    for record in run.metrics():
        assert notes.scalars[record["step"]][f"{record['split']}/total"] == record["total"]


@pytest.mark.parametrize(
    ("name", "continued"), [("wandb", [None, "abc", None]), ("trackio", ["never", "allow", "never"])]
)
def test_a_resumed_run_goes_on_and_another_of_its_name_does_not(tmp_path, train_digits, fakes, name, continued):
    """More epochs are another configuration, by which a run would not be known again."""
    notes = fakes(name)
    train_digits(tmp_path / "run", tracker=name, epochs=1)
    train_digits(tmp_path / "run", tracker=name, epochs=2, resume=True)
    train_digits(tmp_path / "elsewhere" / "run", tracker=name, epochs=1)
    assert notes.continued == continued


def test_mlflow_goes_on_with_the_run_that_it_had(tmp_path, train_digits, fakes):
    notes = fakes("mlflow")
    changes = {"tracker": "mlflow", "model": "ae", "learning_rate": 1.0}
    events = train_digits(tmp_path / "run", epochs=3, **changes).manifest["events"]
    assert notes.tags == [f"event.{place}" for place in range(1, len(events) + 1)]
    notes.begun.clear()
    again = train_digits(tmp_path / "run", epochs=4, resume=True, **changes).manifest["events"]
    assert notes.continued == [None, "abc"]
    assert "config" not in notes.begun  # which MLflow does not let change
    assert notes.tags == [f"event.{place}" for place in range(1, len(again) + 1)]


def test_an_unknown_tracker_lists_those_there_are():
    with pytest.raises(ParameterError, match="tracker must be one of tensorboard, wandb, mlflow, trackio, got abacus"):
        tracker("abacus")


def test_tensorboard_files_hold_the_run(tmp_path, train_digits):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of packages that TensorBoard loads
        accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
        run = train_digits(tmp_path / "run", tracker="tensorboard", model="ae", learning_rate=0.3, epochs=3)
        events = accumulator.EventAccumulator(str(run.path / "tensorboard"), size_guidance={"images": 0})
        events.Reload()
    for split in ("train", "held-out"):
        told = [(point.step, point.value) for point in events.Scalars(f"{split}/total")]
        logged = [(entry["step"], entry["total"]) for entry in run.metrics() if entry["split"] == split]
        assert [step for step, _ in told] == [step for step, _ in logged]
        assert [value for _, value in told] == pytest.approx([value for _, value in logged], rel=1e-6)
    (tag,) = events.Tags()["images"]
    assert [picture.step for picture in events.Images(tag)] == [6, 12, 18]
    assert "events/text_summary" in events.Tags()["tensors"]
    assert len(events.Tensors("events/text_summary")) == len(run.manifest["events"]) > 0


class TestPictures:
    @pytest.mark.parametrize("kind", ["ae", "vae"])
    def test_rows_are_images_reconstructions_and_samples(self, digits, request_of, kind):
        torch.manual_seed(0)
        model = Autoencoder(request_of(model=kind).resolve_model(digits.shape))
        rows = np.arange(300)
        picture = grid(model, digits, rows, rows)
        edge, gap = 56, 3  # each pixel of a digit, 8 × 8, is a square of 7
        step = edge + gap
        assert picture.shape == ((2 + SAMPLE_ROWS) * step - gap, COLUMNS * step - gap, 1)
        places = [[(step * row, step * column) for column in range(8)] for row in range(4)]
        large = [[picture[top : top + edge, left : left + edge] for top, left in row] for row in places]
        tiles = [[tile[::7, ::7] for tile in row] for row in large]
        for enlarged, small in zip(large, tiles, strict=True):
            np.testing.assert_array_equal(np.stack(enlarged), np.stack(small).repeat(7, axis=1).repeat(7, axis=2))
        np.testing.assert_array_equal(np.stack(tiles[0]), digits.images[:8])
        expected = model.decode_all(model.encode(digits.images[:8]).mean.numpy())
        np.testing.assert_array_equal(np.stack(tiles[1]), expected)

    def test_codes_of_samples_follow_prior_or_codes(self, digits, request_of, monkeypatch):
        """An AE's draws have the mean and covariance of its codes, a VAE's those of N(0, I): within four deviations."""
        rows = np.arange(1000)
        monkeypatch.setattr("zscope.training.grids.SAMPLE_ROWS", 500)
        for kind in ("ae", "vae"):
            torch.manual_seed(0)
            model = Autoencoder(request_of(model=kind).resolve_model(digits.shape))
            drawn = []
            real = model.decode_all
            monkeypatch.setattr(
                model, "decode_all", lambda codes, seen=drawn, real=real: (seen.append(codes), real(codes))[1]
            )
            grid(model, digits, rows, rows)
            codes = drawn[0].astype(np.float64)
            known = model.encode(digits.images[:256]).mean.numpy().astype(np.float64)
            mean = known.mean(axis=0) if kind == "ae" else np.zeros(3)
            covariance = np.cov(known.T, bias=True) if kind == "ae" else np.eye(3)
            n, spread = len(codes), np.sqrt(np.diag(covariance))
            assert (np.abs(codes.mean(axis=0) - mean) < 4 * spread / np.sqrt(n)).all()
            assert (np.abs(np.cov(codes.T) - covariance) < 4 * np.sqrt(2 / n) * np.outer(spread, spread)).all()

    def test_codes_of_a_learned_prior_are_its_own(self, digits, request_of, monkeypatch):
        """A mixture of one component, whose mean and variances are known: within four deviations."""
        monkeypatch.setattr("zscope.training.grids.SAMPLE_ROWS", 500)
        torch.manual_seed(0)
        model = Autoencoder(request_of(prior="vamp:inputs=1").resolve_model(digits.shape))
        with torch.no_grad():
            model.head.mean.bias.copy_(torch.tensor([5.0, -3.0, 40.0]))
            component = model.prior.components()
        drawn, real, before = [], model.decode_all, torch.get_rng_state()
        monkeypatch.setattr(model, "decode_all", lambda codes: (drawn.append(codes), real(codes))[1])
        grid(model, digits, np.arange(8), np.arange(8))
        assert torch.equal(torch.get_rng_state(), before)
        codes, mean = drawn[0].astype(np.float64), component.mean[0].numpy()
        spread = np.exp(component.log_variances[0].numpy() / 2)
        assert len(codes) == 4000
        assert (np.abs(codes.mean(axis=0) - mean) < 4 * spread / np.sqrt(4000)).all()
        assert (np.abs(codes.std(axis=0) / spread - 1) < 4 / np.sqrt(2 * 4000)).all()

    def test_written_at_sensible_epochs(self, tmp_path, train_digits):
        run = train_digits(tmp_path / "run", epochs=4)
        files = sorted((run.path / "progress").iterdir())
        assert [file.name for file in files] == ["epoch-0001.png", "epoch-0002.png", "epoch-0004.png"]
        with Image.open(files[0]) as picture:
            assert picture.mode == "L"
        assert not (train_digits(tmp_path / "none", epochs=1, grids_every=0).path / "progress").exists()


def test_a_line_tells_the_weighted_terms(digits, request_of):
    """A line for people has the terms beside reconstruction and KL, where there are some."""
    model = request_of(model="vae").resolve_model(digits.shape)
    plain, more = (
        records.line(model, [records.record(model, "train", figures, epoch=1, step=7, seconds=1, weight=model.beta)], 3)
        for figures in (Figures(12.0, 9.0, 3.0, {}), Figures(12.5, 9.0, 3.0, {"kl": 3.0, "mmd": 0.5}))
    )
    assert plain == "epoch   1/3, step 7 | train: total 12.00, reconstruction 9.00, KL 3.00 nats per image"
    assert "reconstruction 9.00, KL 3.00, weighted kl 3.00, mmd 0.50 nats per image" in more
