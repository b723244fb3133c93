"""What a training run promises: repeatable, resumable, honest about its losses, and never half-written."""

import json
import os
import shutil
import signal
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import torch

from zscope.data import prepare
from zscope.errors import ExistsError, FormatError, ParameterError, TrainingError
from zscope.models import Autoencoder
from zscope.models.tensors import as_tensor
from zscope.runs.lock import locked
from zscope.runs.run import Run
from zscope.study.train import Interrupted, about_data, resolved, train
from zscope.training.batches import Batches
from zscope.training.config import TrainingConfig
from zscope.training.encoding import bf16_error
from zscope.training.loop import Trainer

STEPS = 6  # of an epoch of the 181 training images among the first 200, in batches of 32


class After:
    """A progress that does something after the n-th step."""

    def __init__(self, step, action):
        self.step, self.action, self.calls = step, action, 0

    def __call__(self, what, done, total, /, **figures):
        self.calls += 1
        if self.calls == self.step:
            self.action()


def interrupt():
    os.kill(os.getpid(), signal.SIGINT)


def fail():
    raise RuntimeError("the disk is on fire")


def tree(folder):
    """Every file below a folder with its content."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class TestRepeating:
    def test_same_seed_same_run(self, tmp_path, train_digits, weights, same, timeless):
        first, second = train_digits(tmp_path / "a"), train_digits(tmp_path / "b")
        assert same(weights(first), weights(second))
        assert timeless(first.metrics()) == timeless(second.metrics())
        assert first.manifest["hash"] == second.manifest["hash"]

    def test_other_seed_other_run(self, tmp_path, train_digits, weights, same):
        first, second = train_digits(tmp_path / "a", epochs=1), train_digits(tmp_path / "b", epochs=1, seed=1)
        assert not same(weights(first), weights(second))
        assert first.manifest["hash"] != second.manifest["hash"]

    def test_seed_decides_the_order(self, digits):
        rows = np.arange(50)
        orders = [
            torch.cat(list(Batches(digits, rows, 16, seed).epoch(epoch, torch.device("cpu"))))
            for seed, epoch in [(0, 0), (0, 0), (0, 1), (1, 0)]
        ]
        assert torch.equal(orders[0], orders[1])
        assert not torch.equal(orders[0], orders[2])
        assert not torch.equal(orders[0], orders[3])


class TestResuming:
    @pytest.mark.parametrize("step", [1, STEPS - 1, STEPS, STEPS + 3, 3 * STEPS - 1])
    def test_equals_a_run_without_a_break(self, tmp_path, train_digits, weights, same, timeless, step):
        whole = train_digits(tmp_path / "whole")
        with pytest.raises(Interrupted, match=r"stopped in epoch \d, step \d; zscope train … --resume"):
            train_digits(tmp_path / "broken", progress=After(step, interrupt))
        stopped = Run.open(tmp_path / "broken")
        assert stopped.state == "interrupted"
        assert not (stopped.path / "model").exists()
        resumed = train_digits(tmp_path / "broken", resume=True)
        assert resumed.state == "finished"
        assert same(weights(resumed), weights(whole))
        assert same(weights(resumed, "best"), weights(whole, "best"))
        assert timeless(resumed.metrics()) == timeless(whole.metrics())

    def test_twice_interrupted(self, tmp_path, train_digits, weights, same, timeless):
        whole = train_digits(tmp_path / "whole")
        for first in (False, True):
            with pytest.raises(Interrupted):
                train_digits(tmp_path / "broken", resume=first, progress=After(4, interrupt))
        resumed = train_digits(tmp_path / "broken", resume=True)
        assert same(weights(resumed), weights(whole))
        assert timeless(resumed.metrics()) == timeless(whole.metrics())

    def test_an_interrupt_in_the_last_step_is_not_lost_and_the_run_is_finished(
        self, tmp_path, train_digits, weights, same
    ):
        whole = train_digits(tmp_path / "whole")
        with pytest.raises(KeyboardInterrupt):  # what would follow, such as the next run of a study, must not begin
            train_digits(tmp_path / "run", progress=After(3 * STEPS, interrupt))
        finished = Run.open(tmp_path / "run")
        assert finished.state == "finished"
        assert same(weights(finished), weights(whole))

    def test_without_a_checkpoint_it_begins_anew(self, tmp_path, train_digits, weights, same, timeless):
        whole = train_digits(tmp_path / "whole")
        with pytest.raises(Interrupted):
            train_digits(tmp_path / "run", progress=After(2 * STEPS + 1, interrupt))
        shutil.rmtree(tmp_path / "run" / "checkpoints")  # as killed between the first lines and the first checkpoint
        resumed = train_digits(tmp_path / "run", resume=True)
        assert same(weights(resumed), weights(whole))
        assert timeless(resumed.metrics()) == timeless(whole.metrics())

    def test_a_finished_run_without_a_checkpoint_cannot_go_on(self, tmp_path, train_digits):
        run = train_digits(tmp_path / "run", epochs=1)
        shutil.rmtree(run.path / "checkpoints" / "last")
        before = tree(tmp_path)
        with pytest.raises(TrainingError, match=r"without checkpoints/last it cannot go on; --force trains anew"):
            train_digits(tmp_path / "run", resume=True)
        assert tree(tmp_path) == before

    def test_a_run_that_is_being_trained_is_left_alone(self, tmp_path, train_digits):
        with pytest.raises(Interrupted):
            train_digits(tmp_path / "run", progress=After(STEPS + 1, interrupt))
        before = tree(tmp_path)
        for more in ({"resume": True}, {"force": True}):
            with locked(tmp_path / "run"), pytest.raises(TrainingError, match="is being trained by another process"):
                train_digits(tmp_path / "run", **more)
        assert tree(tmp_path) == before

    def test_a_crash_after_the_checkpoint_is_trained_again(self, tmp_path, train_digits, weights, same, timeless):
        whole = train_digits(tmp_path / "whole")
        with pytest.raises(RuntimeError):
            train_digits(tmp_path / "broken", progress=After(STEPS + 2, fail))
        resumed = train_digits(tmp_path / "broken", resume=True)
        assert same(weights(resumed), weights(whole))
        assert timeless(resumed.metrics()) == timeless(whole.metrics())

    def test_more_epochs_continue_a_finished_run(self, tmp_path, train_digits, weights, same, timeless):
        whole = train_digits(tmp_path / "whole")
        train_digits(tmp_path / "grown", epochs=1)
        grown = train_digits(tmp_path / "grown", resume=True)
        assert same(weights(grown), weights(whole))
        assert timeless(grown.metrics()) == timeless(whole.metrics())
        assert grown.manifest["hash"] == whole.manifest["hash"]

    def test_a_finished_run_is_up_to_date(self, tmp_path, train_digits):
        train_digits(tmp_path / "run")
        counter = After(1, fail)
        assert train_digits(tmp_path / "run", resume=True, progress=counter).state == "finished"
        assert counter.calls == 0

    def test_another_configuration_is_refused(self, tmp_path, train_digits):
        train_digits(tmp_path / "run")
        with pytest.raises(ExistsError, match="has z_dim 3, not 4; it cannot be resumed so"):
            train_digits(tmp_path / "run", resume=True, z_dim=4)
        with pytest.raises(ExistsError, match="has batch 32, not 16"):
            train_digits(tmp_path / "run", resume=True, batch=16)
        with pytest.raises(ExistsError, match="use --resume to continue it or --force to replace it"):
            train_digits(tmp_path / "run")

    def test_other_images_are_refused(self, tmp_path, train_digits):
        train_digits(tmp_path / "run", epochs=1)
        other = prepare("digits", root=tmp_path / "stores", held_out=0.3)
        with pytest.raises(ExistsError, match="was trained on other images"):
            train_digits(tmp_path / "run", store=other, resume=True, epochs=2)

    def test_a_cut_checkpoint_is_named(self, tmp_path, train_digits):
        with pytest.raises(Interrupted):
            train_digits(tmp_path / "run", progress=After(STEPS, interrupt))
        file = tmp_path / "run" / "checkpoints" / "last" / "checkpoint.safetensors"
        file.write_bytes(file.read_bytes()[:-10])
        with pytest.raises(FormatError, match=r"checkpoint\.safetensors"):
            train_digits(tmp_path / "run", resume=True)


class TestStartingFromACheckpoint:
    def test_takes_its_weights_and_another_seed(self, tmp_path, train_digits, weights, same):
        first = train_digits(tmp_path / "first", keep_every=1)
        kept = first.path / "checkpoints" / "epoch-0002"
        again = train_digits(tmp_path / "again", start_from=kept)
        other = train_digits(tmp_path / "other", start_from=kept, seed=1)
        for run in (again, other):
            assert {record["epoch"] for record in run.metrics()} == {3}
            assert run.config["training"]["started_from"]
            assert run.manifest["hash"] != first.manifest["hash"]
        assert not same(weights(other), weights(first))
        assert not same(weights(other), weights(again))
        # No step is left to take: the model is the checkpoint.
        untouched = train_digits(tmp_path / "untouched", start_from=kept, seed=2, epochs=2)
        assert same(weights(untouched), weights(first, "epoch-0002"))

    def test_two_checkpoints_of_one_run_are_two_beginnings(self, tmp_path, train_digits):
        first = train_digits(tmp_path / "first", keep_every=1)
        runs = [
            train_digits(tmp_path / name, start_from=first.path / "checkpoints" / name)
            for name in ("epoch-0001", "epoch-0002")
        ]
        assert runs[0].manifest["hash"] != runs[1].manifest["hash"]

    def test_from_the_middle_of_an_epoch_is_refused(self, tmp_path, train_digits):
        with pytest.raises(Interrupted):
            train_digits(tmp_path / "first", progress=After(STEPS + 2, interrupt))
        with pytest.raises(TrainingError, match="in the middle of an epoch"):
            train_digits(tmp_path / "second", start_from=tmp_path / "first" / "checkpoints" / "last")
        assert not (tmp_path / "second").exists()

    def test_of_another_model_is_refused(self, tmp_path, train_digits):
        first = train_digits(tmp_path / "first", epochs=1)
        with pytest.raises(FormatError, match="checkpoint of another model"):
            train_digits(tmp_path / "second", start_from=first.path / "checkpoints" / "last", z_dim=4)
        assert not (tmp_path / "second").exists()


class TestFailing:
    def test_before_the_first_checkpoint_leaves_nothing(self, tmp_path, train_digits):
        with pytest.raises(RuntimeError):
            train_digits(tmp_path / "above" / "run", progress=After(3, fail))
        assert list(tmp_path.iterdir()) == []

    def test_a_loss_that_explodes_at_once(self, tmp_path, train_digits):
        with pytest.raises(TrainingError, match=r"the loss is (nan|inf) at step") as caught:
            train_digits(tmp_path / "run", learning_rate=1e30)
        assert "\n" not in str(caught.value)
        assert not (tmp_path / "run").exists()

    @pytest.mark.parametrize("step", [STEPS + 2, 2 * STEPS])
    @pytest.mark.parametrize("held_out", [0.1, 0.0])
    def test_a_loss_that_explodes_later_leaves_a_good_checkpoint(
        self, tmp_path, train_digits, request_of, weights, same, timeless, finite, step, held_out
    ):
        # The last step of an epoch has its loss before the weights are spoilt, so only the end of the epoch can tell.
        store = prepare("digits", root=tmp_path / "stores", held_out=held_out)
        whole = train_digits(tmp_path / "whole", store=store, limit=190)
        request = request_of(limit=190, guard=False)
        model_config, config = request.resolve_model(store.shape), request.resolve_training(store.shape)
        run = Run.create(
            tmp_path / "run",
            source="digits",
            config=resolved(model_config, config),
            data=about_data(store, config),
            seed=0,
            force=False,
        )
        torch.manual_seed(0)
        model = Autoencoder(model_config)

        def spoil():
            model.decoder[0].bias.data.fill_(float("nan"))

        trainer = Trainer(
            run, model, store, config, device=torch.device("cpu"), progress=After(step, spoil), log=lambda line: None
        )
        assert len(trainer.train) == STEPS
        with pytest.raises(TrainingError, match="epoch 2"):
            trainer.fit()
        assert finite(weights(run, "last"))
        assert all(np.isfinite(record["total"]) for record in run.metrics())
        resumed = train_digits(run.path, store=store, limit=190, resume=True, guard=False)
        assert same(weights(resumed), weights(whole))
        assert timeless(resumed.metrics()) == timeless(whole.metrics())

    def test_without_training_images(self, tmp_path, digits, train_digits):
        held_out = int(digits.indices("held-out")[0])
        order = digits.selection(1)
        assert held_out not in order  # the first of the shuffle is a training image: one image can be trained on
        assert train_digits(tmp_path / "run", limit=1, epochs=1).state == "finished"

    def test_force_replaces_a_run_but_no_other_folder(self, tmp_path, train_digits):
        train_digits(tmp_path / "run", epochs=1)
        train_digits(tmp_path / "run", epochs=2, force=True)
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "letter.txt").write_text("dear")
        with pytest.raises(ExistsError, match="no run folder"):
            train_digits(tmp_path / "mine", force=True)
        assert (tmp_path / "mine" / "letter.txt").read_text() == "dear"


class TestImages:
    def test_held_out_images_change_nothing_but_their_own_losses(self, tmp_path, train_digits, weights, same):
        images = np.random.default_rng(0).integers(0, 256, (60, 8, 8, 1), dtype=np.uint8)
        np.save(tmp_path / "one.npy", images)
        one = prepare(f"array:{tmp_path / 'one.npy'}", root=tmp_path / "stores", held_out=0.3)
        images[one.indices("held-out")] = 255 - images[one.indices("held-out")]
        np.save(tmp_path / "two.npy", images)
        two = prepare(f"array:{tmp_path / 'two.npy'}", root=tmp_path / "stores", held_out=0.3)
        assert one.indices("held-out").tolist() == two.indices("held-out").tolist()
        runs = [
            train_digits(tmp_path / name, store=store, limit=None, epochs=2) for name, store in (("a", one), ("b", two))
        ]
        assert same(weights(runs[0]), weights(runs[1]))
        losses = [[(record["split"], record["total"]) for record in run.metrics()] for run in runs]
        for first, second in zip(*losses, strict=True):
            assert (first == second) == (first[0] == "train")

    def test_an_epoch_shows_every_training_image_once(self, digits):
        rows = digits.indices("train")[:75]
        batches = Batches(digits, rows, 32, seed=0)
        assert len(batches) == 3
        shown = [images.flatten(1).numpy() for images in batches.epoch(0, torch.device("cpu"))]
        assert [len(images) for images in shown] == [32, 32, 11]
        expected = digits.images[rows].reshape(75, -1) / np.float32(255)
        order = [np.lexsort(table.T) for table in (np.concatenate(shown), expected)]
        np.testing.assert_allclose(np.concatenate(shown)[order[0]], expected[order[1]], rtol=1e-6)

    def test_limit(self, tmp_path, train_digits):
        run = train_digits(tmp_path / "run", limit=50, epochs=1)
        assert run.data["limit"] == 50
        assert run.data["train"] + run.data["held_out"] == 50
        assert run.metrics()[0]["step"] == -(-run.data["train"] // 32)

    @pytest.mark.parametrize("batch", [32, 50, 1000])
    def test_epoch_losses_are_means_over_images(self, tmp_path, train_digits, digits, batch):
        # With steps too small to move a weight the losses of an epoch are those of one pass over the images.
        run = train_digits(tmp_path / "run", model="ae", epochs=1, batch=batch, learning_rate=1e-30)
        model = Autoencoder.from_pretrained(run.path)
        chosen = digits.selection(200)
        for record in run.metrics():
            rows = chosen[digits.split[chosen] == record["split"]]
            with torch.no_grad():
                expected = model(as_tensor(digits.images[rows], "cpu"))
            assert record["total"] == pytest.approx(float(expected.total), rel=1e-5)
            assert record["reconstruction"] == pytest.approx(float(expected.reconstruction), rel=1e-5)


class TestRunFolder:
    def test_files(self, tmp_path, train_digits):
        run = train_digits(tmp_path / "run", keep_every=2)
        names = ["checkpoints", "metrics.jsonl", "model", "progress", "run.json"]
        assert sorted(path.name for path in run.path.iterdir()) == names
        kept = ["best", "earlier", "epoch-0002", "good", "last"]
        assert sorted(path.name for path in (run.path / "checkpoints").iterdir()) == kept

    def test_manifest(self, tmp_path, train_digits, digits):
        manifest = json.loads((train_digits(tmp_path / "run").path / "run.json").read_text())
        assert (manifest["format"], manifest["version"]) == ("zscope-run", 1)
        assert (manifest["source"], manifest["seed"], manifest["state"]) == ("digits", 0, "finished")
        assert set(manifest["config"]) == {"model", "training"}
        assert manifest["data"]["hash"] == digits.hash
        assert len(manifest["hash"]) == 64
        assert set(manifest["versions"]) == {"zscope", "python", "numpy", "torch", "platform"}
        datetime.fromisoformat(manifest["created"])

    def test_metrics(self, tmp_path, train_digits):
        run = train_digits(tmp_path / "run")
        records = run.metrics()
        assert [(record["epoch"], record["split"]) for record in records] == [
            (epoch, split) for epoch in (1, 2, 3) for split in ("train", "held-out")
        ]
        for record in records:
            assert list(record) == [
                "step",
                "epoch",
                "split",
                "total",
                "reconstruction",
                "kl",
                "total_per_channel",
                "reconstruction_per_channel",
                "seconds",
            ]
            assert record["step"] == STEPS * record["epoch"]
            assert record["total"] == pytest.approx(record["reconstruction"] + record["kl"], rel=1e-6)
            assert record["total_per_channel"] == record["total"]
        seconds = [record["seconds"] for record in records[::2]]
        assert seconds == sorted(seconds)

    def test_colour_losses_are_given_per_channel_too(self, tmp_path, train_digits):
        np.save(tmp_path / "images.npy", np.random.default_rng(0).integers(0, 256, (20, 8, 8, 3), dtype=np.uint8))
        store = prepare(f"array:{tmp_path / 'images.npy'}", root=tmp_path / "stores")
        for record in train_digits(tmp_path / "run", store=store, fact=2.0, epochs=1).metrics():
            assert record["total_per_channel"] == pytest.approx(record["total"] / 3)
            expected = record["reconstruction_per_channel"] + 2 * record["kl"]
            assert record["total_per_channel"] == pytest.approx(expected, rel=1e-6)

    def test_best_is_the_epoch_with_the_lowest_held_out_total(self, tmp_path, train_digits, weights, same):
        run = train_digits(tmp_path / "run", keep_every=1, epochs=5, learning_rate=0.03)
        held_out = [record["total"] for record in run.metrics() if record["split"] == "held-out"]
        assert same(weights(run, "best"), weights(run, f"epoch-{1 + int(np.argmin(held_out)):04d}"))


def test_a_handful_of_images_is_learnt_down_to_their_entropy(tmp_path, train_digits):
    """Binary cross-entropy of grey pixels x is lowest at p = x, where it is their entropy."""
    run = train_digits(
        tmp_path / "run", model="ae", filters=(16, 32), z_dim=8, limit=9, epochs=400, batch=9, learning_rate=3e-3
    )
    store = prepare("digits", root=tmp_path / "stores")
    chosen = store.selection(9)
    x = store.images[chosen[store.split[chosen] == "train"]].astype(np.float64) / 255
    floor = -sum(np.where(part > 0, part * np.log(np.where(part > 0, part, 1)), 0) for part in (x, 1 - x))
    floor = floor.sum(axis=(1, 2, 3)).mean()
    losses = [record["total"] for record in run.metrics() if record["split"] == "train"]
    assert min(losses) >= floor - 1e-3
    assert losses[0] > 1.8 * floor
    assert losses[-1] < 1.02 * floor


class TestConfig:
    @pytest.mark.parametrize(
        ("changes", "named"),
        [
            ({"epochs": 0}, "epochs must be greater than or equal to 1, got 0"),
            ({"batch": 0}, "batch"),
            ({"learning_rate": 0.0}, "learning_rate"),
            ({"learning_rate": float("nan")}, "learning_rate"),
            ({"seed": -1}, "seed"),
            ({"limit": 0}, "limit"),
            ({"keep_every": 0}, "keep_every"),
            ({"strides": (1, 2, 2)}, "strides must have one entry for each of the 2 filters"),
        ],
    )
    def test_requests_that_are_refused(self, tmp_path, train_digits, changes, named):
        with pytest.raises(ParameterError, match=named):
            train_digits(tmp_path / "run", **changes)
        assert list(tmp_path.iterdir()) == []

    def test_defaults_are_those_of_experiment_s1(self):
        config = TrainingConfig()
        assert (config.epochs, config.batch, config.learning_rate) == (40, 128, 5e-4)


class TestOwnModules:
    def modules(self):
        torch.manual_seed(0)
        encoder = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 8), torch.nn.ReLU())
        decoder = torch.nn.Sequential(torch.nn.Linear(3, 64), torch.nn.Unflatten(1, (1, 8, 8)))
        return {"encoder": encoder, "decoder": decoder}

    def request(self, request_of, **changes):
        return request_of(filters=None, strides=None, **changes)

    def test_equal_a_plain_loop_and_are_read_again(self, tmp_path, digits, request_of, weights, same):
        request, modules = self.request(request_of), self.modules()
        run = train(request, "digits", digits, out=tmp_path / "run", log=lambda line: None, **modules)
        own = self.modules()
        torch.manual_seed(0)
        plain = Autoencoder(request.resolve_model(digits.shape, own=True), **own)
        config = request.resolve_training(digits.shape)
        optimiser = torch.optim.Adam(plain.parameters(), lr=config.learning_rate, eps=config.adam_eps, fused=True)
        chosen = digits.selection(200)
        batches = Batches(digits, chosen[digits.split[chosen] == "train"], 32, 0)
        for epoch in range(3):
            for images in batches.epoch(epoch, torch.device("cpu")):
                optimiser.zero_grad()
                plain(images).total.backward()
                optimiser.step()
        for name, tensor in plain.state_dict().items():
            np.testing.assert_allclose(weights(run)[name].numpy(), tensor.numpy(), rtol=2e-4, atol=2e-5, err_msg=name)
        again = Autoencoder.from_pretrained(run.path, **own)
        assert same(again.state_dict(), weights(run))
        assert run.config["model"]["network"] == "own"

    def test_resumed_equals_uninterrupted(self, tmp_path, digits, request_of, weights, same):
        def fit(name, modules, **more):
            request = self.request(request_of)
            return train(request, "digits", digits, out=tmp_path / name, log=lambda line: None, **modules, **more)

        whole = fit("whole", self.modules())
        with pytest.raises(Interrupted):
            fit("broken", self.modules(), progress=After(STEPS + 2, interrupt))
        assert same(weights(fit("broken", self.modules(), resume=True)), weights(whole))

    def test_a_buffer_that_is_not_finite_is_refused_at_once(self, tmp_path, digits, request_of):
        modules = self.modules()
        modules["encoder"].register_buffer("mask", torch.tensor([0.0, -np.inf]))
        with pytest.raises(ParameterError, match=r"encoder.mask must hold finite numbers only \(register a mask with"):
            train(self.request(request_of), "digits", digits, out=tmp_path / "run", log=lambda line: None, **modules)
        assert not (tmp_path / "run").exists()

    @pytest.mark.parametrize("name", ["filters", "network"])
    def test_options_of_networks_are_refused(self, tmp_path, digits, request_of, name):
        changes = {"network": "mlp"} if name == "network" else {"filters": (4,)}
        request = request_of(**{"filters": None, "strides": None, **changes})
        with pytest.raises(ParameterError, match=f"{name} must be left out for modules of your own"):
            train(request, "digits", digits, out=tmp_path / "run", **self.modules())
        with pytest.raises(ParameterError, match="decoder must be passed as a module"):
            train(
                self.request(request_of),
                "digits",
                digits,
                out=tmp_path / "run",
                log=lambda line: None,
                encoder=self.modules()["encoder"],
            )
        assert not (tmp_path / "run").exists()


class TestReplacing:
    def test_it_comes_back_when_the_new_one_fails(self, tmp_path, train_digits):
        train_digits(tmp_path / "run", epochs=1)
        before = tree(tmp_path)
        with pytest.raises(RuntimeError, match="on fire"):  # before the first checkpoint
            train_digits(tmp_path / "run", epochs=2, force=True, progress=After(1, fail))
        assert tree(tmp_path) == before

    def test_it_is_kept_in_sight_until_the_new_one_is_finished(self, tmp_path, train_digits, weights, same):
        first = train_digits(tmp_path / "run", epochs=1)
        kept = tree(first.path)
        with pytest.raises(Interrupted, match=r"until it is finished, .*run\.old-[0-9a-f]{4} keeps the run"):
            train_digits(tmp_path / "run", force=True, progress=After(STEPS + 1, interrupt))
        (old,) = tmp_path.glob("run.old-*")
        assert tree(old) == kept
        with pytest.raises(Interrupted):  # replaced once more before it is finished
            train_digits(tmp_path / "run", force=True, seed=1, progress=After(STEPS + 1, interrupt))
        assert tree(old) == kept
        assert train_digits(tmp_path / "run", seed=1, resume=True).state == "finished"
        assert [path.name for path in tmp_path.iterdir()] == ["run"]

    def test_a_replaced_run_is_gone_when_the_new_one_is_finished(self, tmp_path, train_digits):
        train_digits(tmp_path / "run", epochs=1)
        with pytest.raises(KeyboardInterrupt):
            train_digits(tmp_path / "run", epochs=1, seed=1, force=True, progress=After(STEPS, interrupt))
        assert [path.name for path in tmp_path.iterdir()] == ["run"]
        assert Run.open(tmp_path / "run").manifest["seed"] == 1

    def test_a_link_stays_and_what_it_points_to_is_replaced(self, tmp_path, train_digits):
        train_digits(tmp_path / "real", epochs=1)
        (tmp_path / "link").symlink_to(tmp_path / "real")
        train_digits(tmp_path / "link", epochs=1, seed=1, force=True)
        assert (tmp_path / "link").is_symlink()
        assert Run.open(tmp_path / "real").manifest["seed"] == 1
        assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "real"]

    def test_what_the_new_run_needs_is_not_put_aside(self, tmp_path, train_digits, monkeypatch):
        run = train_digits(tmp_path / "run", epochs=1)
        store = prepare("digits", root=tmp_path / "run")
        before = tree(tmp_path)
        with pytest.raises(ParameterError, match=r"the checkpoint .*last lies in it and --force would remove it"):
            train_digits(run.path, force=True, start_from=run.path / "checkpoints" / "last")
        with pytest.raises(ParameterError, match="the image store"):
            train_digits(run.path, force=True, store=store)
        monkeypatch.chdir(run.path)
        with pytest.raises(ParameterError, match="the working folder"):
            train_digits(Path(), force=True)
        assert tree(tmp_path) == before
        assert train_digits(Path(), epochs=2, resume=True).config["training"]["epochs"] == 2


class TestBatchNormalisation:
    @pytest.mark.parametrize(("batch", "limit"), [(1, 200), (30, 200), (180, 200), (32, 1)])
    def test_a_batch_of_one_at_a_map_of_one_pixel_is_refused_at_once(self, tmp_path, train_digits, batch, limit):
        small = {"filters": (4, 4, 4), "strides": (2, 2, 2), "batch_norm": True, "epochs": 1}
        with pytest.raises(ParameterError, match=r"batch must not leave a batch of one of \d+ training images"):
            train_digits(tmp_path / "run", batch=batch, limit=limit, **small)
        assert list(tmp_path.iterdir()) == []
        if limit > 1:
            assert train_digits(tmp_path / "fits", batch=29, limit=limit, **small).state == "finished"


def test_the_error_of_bf16_is_that_of_the_codes(digits, request_of):
    torch.manual_seed(0)
    model = Autoencoder(request_of().resolve_model(digits.shape)).eval()
    images = as_tensor(digits.images[np.arange(20)], "cpu")
    with torch.autocast("cpu", torch.bfloat16):
        coarse = model.encode(images).mean
    expected = np.abs(coarse.numpy() - model.encode(images).mean.numpy()).max()
    assert 0 < bf16_error(model, images) == pytest.approx(expected)
