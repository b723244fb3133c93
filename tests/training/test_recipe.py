"""The recipe: each part against a closed form or plain PyTorch, and resumed exactly."""

import json
import math
import os
import signal

import numpy as np
import pytest
import torch

from zscope.errors import ExistsError, ParameterError
from zscope.models import Autoencoder
from zscope.study.train import Interrupted
from zscope.training.batches import Batches
from zscope.training.config import TrainingConfig
from zscope.training.loop import Trainer
from zscope.training.recipe import PLATEAU, MovingAverage, optimiser_for, step_factor

STEPS = 6


class Stop:
    """A progress that interrupts at the n-th step that is taken."""

    def __init__(self, step):
        self.left = step

    def __call__(self, what, done, total, /, **figures):
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGINT)


def close(first, second, rel=2e-4):
    """Whether two sets of weights are equal but for rounding."""
    for name, tensor in first.items():
        np.testing.assert_allclose(tensor.numpy(), second[name].numpy(), rtol=rel, atol=2e-5, err_msg=name)


class TestStepSize:
    def test_constant(self):
        assert [step_factor(TrainingConfig(), done, 100) for done in (0, 50, 99)] == [1.0, 1.0, 1.0]

    @pytest.mark.parametrize(("schedule", "peer"), [("cosine", "CosineAnnealingLR"), ("linear", "LinearLR")])
    def test_schedules_are_those_of_pytorch(self, schedule, peer):
        steps, weight = 20, torch.nn.Parameter(torch.zeros(1))
        optimiser = torch.optim.SGD([weight], lr=1.0)
        if peer == "LinearLR":
            scheduler = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.0, total_iters=steps)
        else:
            scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
        config = TrainingConfig(rate_schedule=schedule)
        for done in range(steps):
            assert step_factor(config, done, steps) == pytest.approx(optimiser.param_groups[0]["lr"])
            optimiser.step()
            scheduler.step()

    def test_warmup_is_a_line_to_the_full_step(self):
        config = TrainingConfig(rate_warmup=4, rate_schedule="cosine")
        assert [step_factor(config, done, 24) for done in range(5)] == [0.25, 0.5, 0.75, 1.0, 1.0]
        assert step_factor(config, 14, 24) == pytest.approx(0.5)

    def test_the_optimiser_takes_it(self, tmp_path, train_digits, monkeypatch):
        taken, real = [], Trainer._step

        def noted(self, stepper, rows):
            figures = real(self, stepper, rows)
            taken.append(self.optimiser.param_groups[0]["lr"])
            return figures

        monkeypatch.setattr(Trainer, "_step", noted)
        train_digits(tmp_path / "run", rate_schedule="linear", rate_warmup=3, learning_rate=0.01)
        steps = 3 * STEPS
        expected = [0.01 * min((done + 1) / 3, 1.0, (steps - done) / (steps - 3)) for done in range(steps)]
        assert taken == pytest.approx(expected)

    @pytest.mark.parametrize(
        ("changes", "named"),
        [
            ({"kl_schedule": "linear"}, "the KL schedule linear"),
            ({"regularisers": "capacity", "beta": 1000.0}, "the regulariser capacity"),
        ],
    )
    def test_a_plateau_of_what_moves_is_refused(self, tmp_path, train_digits, changes, named):
        one = {"limit": 1, "rate_schedule": "plateau", "epochs": 1}
        with pytest.raises(ParameterError, match=f"where no images are held out: with {named} training totals"):
            train_digits(tmp_path / "run", **one, **changes)
        assert train_digits(tmp_path / "still", **one).state == "finished"

    def test_a_plateau_halves_it(self, tmp_path, train_digits):
        """With steps too small to change a total, every epoch after the first is stale."""
        run = train_digits(tmp_path / "run", rate_schedule="plateau", learning_rate=1e-30, epochs=2 * PLATEAU + 2)
        state = json.loads((run.path / "checkpoints" / "last" / "state.json").read_text())["position"]
        assert (state["stale"], state["halvings"]) == (2 * PLATEAU + 1, 2)
        assert step_factor(TrainingConfig(rate_schedule="plateau"), 0, 1, halvings=2) == 0.25


class TestAccumulation:
    @pytest.mark.parametrize("model", ["ae", "vae"])
    @pytest.mark.parametrize(("batch", "accumulate"), [(16, 2), (8, 4)])
    def test_equals_the_larger_batch(self, tmp_path, train_digits, weights, model, batch, accumulate):
        """The last step of an epoch, of 21 images, is cut into unequal parts."""
        whole = train_digits(tmp_path / "whole", model=model, batch=32)
        parts = train_digits(tmp_path / "parts", model=model, batch=batch, accumulate=accumulate)
        for first, second in zip(whole.metrics(), parts.metrics(), strict=True):
            assert first["step"] == second["step"]
            for name in ("total", "reconstruction", "kl"):
                assert second[name] == pytest.approx(first[name], rel=1e-5, abs=1e-6)
        close(weights(parts), weights(whole))


class TestClipping:
    def test_equals_plain_pytorch(self, tmp_path, train_digits, digits, request_of, weights, same):
        run = train_digits(tmp_path / "run", model="ae", epochs=1, clip_norm=0.5)
        request = request_of(model="ae")
        torch.manual_seed(0)
        plain = Autoencoder(request.resolve_model(digits.shape))
        optimiser = torch.optim.Adam(plain.parameters(), lr=1e-3, eps=1e-7, fused=True)
        chosen = digits.selection(200)
        for images in Batches(digits, chosen[digits.split[chosen] == "train"], 32, 0).epoch(0, torch.device("cpu")):
            optimiser.zero_grad()
            plain(images).total.backward()
            torch.nn.utils.clip_grad_norm_(plain.parameters(), 0.5)
            optimiser.step()
        close(weights(run), plain.state_dict(), rel=1e-5)
        assert not same(weights(run), weights(train_digits(tmp_path / "free", model="ae", epochs=1)))

    def test_a_bound_that_is_never_met_changes_nothing(self, tmp_path, train_digits, weights, same):
        runs = [train_digits(tmp_path / str(bound), epochs=1, clip_norm=bound) for bound in (None, 1e9)]
        close(weights(runs[0]), weights(runs[1]), rel=1e-5)


class TestMovingAverage:
    def test_is_the_recursion(self):
        model = torch.nn.Linear(2, 1, bias=False)
        with torch.no_grad():
            model.weight.fill_(0.0)
        average, expected = MovingAverage(model, 0.9), 0.0
        for step in range(1, 40):
            with torch.no_grad():
                model.weight.fill_(math.sin(step))
            average.update(model, step)
            decay = min(0.9, (1 + step) / (10 + step))
            expected = decay * expected + (1 - decay) * math.sin(step)
        assert average.tensors["weight"].tolist() == [[pytest.approx(expected, rel=1e-5)] * 2]

    def test_the_model_gets_its_weights_back(self):
        model = torch.nn.Linear(2, 2)
        own = model.weight.clone()
        average = MovingAverage(model, 0.9)
        with torch.no_grad():
            average.tensors["weight"].zero_()
        with average.in_place(model):
            assert not model.weight.any()
        assert torch.equal(model.weight, own)

    def test_it_is_what_is_judged_and_saved(self, tmp_path, train_digits, weights, same):
        plain = train_digits(tmp_path / "plain", learning_rate=0.01)
        run = train_digits(tmp_path / "run", learning_rate=0.01, ema=0.9)
        # The steps are those of the run without: only what is judged and saved differs.
        own = {name: value for name, value in weights(plain).items() if not name.startswith("average")}
        assert same(weights(run, "last"), own)
        assert not same(weights(run), own)
        first, second = plain.metrics(), run.metrics()
        assert [record["total"] for record in first[::2]] == [record["total"] for record in second[::2]]
        assert all(a["total"] != b["total"] for a, b in zip(first[1::2], second[1::2], strict=True))

    def test_norms_that_do_not_hold_for_averaged_weights_are_refused(self, tmp_path, train_digits):
        with pytest.raises(ParameterError, match="ema must be left out with spectral_norm, whose norms do not hold"):
            train_digits(tmp_path / "run", ema=0.9, spectral_norm=True)
        assert not (tmp_path / "run").exists()


class TestEarlyStopping:
    def test_stops_after_patience_and_keeps_the_best(self, tmp_path, train_digits, weights, same):
        changes = {"learning_rate": 0.03, "limit": 60, "model": "ae", "epochs": 60}
        whole = train_digits(tmp_path / "whole", keep_every=1, **changes)
        totals = [record["total"] for record in whole.metrics() if record["split"] == "held-out"]
        best, stop = 0, None
        for epoch, total in enumerate(totals):
            if total < totals[best]:
                best = epoch
            elif epoch - best == 4:
                stop = epoch + 1
                break
        assert stop is not None, "the recipe of this test must overfit"
        run = train_digits(tmp_path / "run", patience=4, **changes)
        assert run.state == "finished"
        assert run.metrics()[-1]["epoch"] == stop
        assert same(weights(run), weights(whole, f"epoch-{best + 1:04d}"))
        (event,) = run.manifest["events"]
        assert (event["kind"], event["epoch"], event["best_epoch"]) == ("early stop", stop, best + 1)
        # More epochs do not go on from there: patience has ended.
        again = train_digits(tmp_path / "run", patience=4, resume=True, **{**changes, "epochs": 70})
        assert again.metrics()[-1]["epoch"] == stop
        assert again.manifest["events"] == run.manifest["events"]

    def test_needs_held_out_images(self, tmp_path, train_digits):
        with pytest.raises(ParameterError, match="patience must be left out where no images are held out"):
            train_digits(tmp_path / "run", limit=1, patience=2)


class TestOptimiser:
    def test_adamw_takes_off_its_share(self):
        config = TrainingConfig(optimiser="adamw", weight_decay=0.5, learning_rate=0.1)
        layer = torch.nn.Linear(1, 1, bias=False)
        optimiser = optimiser_for(layer, config, torch.device("cpu"))
        before = layer.weight.item()
        layer.weight.grad = torch.zeros(1, 1)
        optimiser.step()
        assert layer.weight.item() == pytest.approx(before * (1 - 0.1 * 0.5))

    def test_decay_of_adam_is_refused_and_of_adamw_is_that_of_pytorch(self, request_of, digits):
        with pytest.raises(ParameterError, match="weight_decay must be left out for adam"):
            request_of(weight_decay=0.1).resolve_training(digits.shape)
        assert request_of(optimiser="adamw").resolve_training(digits.shape).weight_decay == 0.01


class TestSeeds:
    def test_first_weights_apart_from_order_and_noise(self, tmp_path, train_digits, weights):
        tiny = {"epochs": 1, "learning_rate": 1e-30}  # the model is its first weights
        own = train_digits(tmp_path / "own", seed=7, **tiny)
        first, second = (train_digits(tmp_path / f"s{seed}", seed=seed, init_seed=7, **tiny) for seed in (1, 2))
        for run in (first, second):
            for name, tensor in weights(own).items():
                np.testing.assert_allclose(weights(run)[name].numpy(), tensor.numpy(), atol=1e-20, err_msg=name)
        assert first.metrics()[0]["total"] != second.metrics()[0]["total"]  # other noise
        assert len({run.manifest["hash"] for run in (own, first, second)}) == 3

    def test_the_same_seed_twice_is_the_default(self, digits, request_of):
        assert request_of(seed=3, init_seed=3).resolve_training(digits.shape).init_seed is None


class TestWeight:
    def test_it_is_the_mean_over_the_images_of_the_epoch(self, tmp_path, train_digits):
        """In epoch e step s of 6, of 32 images but for the last of 21, has the weight β (e + s / 6) / 2."""
        run = train_digits(tmp_path / "run", beta=4.0, kl_schedule="linear:epochs=2")
        told = [record.get("weight") for record in run.metrics() if record["split"] == "train"]
        images = np.array([32, 32, 32, 32, 32, 21])
        expected = [(images * 4 * (epoch + np.arange(6) / 6) / 2).sum() / 181 for epoch in (0, 1)]
        assert told == [pytest.approx(expected[0]), pytest.approx(expected[1]), None]

    def test_total_is_reconstruction_and_weighted_kl(self, tmp_path, train_digits):
        """With a KL that hardly moves, since the steps are tiny."""
        run = train_digits(tmp_path / "run", beta=4.0, kl_schedule="linear:epochs=2", learning_rate=1e-6)
        for record in run.metrics()[::2]:
            weighted = record.get("weight", 4.0) * record["kl"]
            assert record["total"] == pytest.approx(record["reconstruction"] + weighted, rel=1e-3)
            assert record["total"] - record["reconstruction"] == pytest.approx(weighted, rel=0.02)


CHANGES = {
    "accumulate": {"batch": 8, "accumulate": 4},
    "adamw": {"optimiser": "adamw", "weight_decay": 0.1},
    "cosine": {"rate_schedule": "cosine", "rate_warmup": 4, "clip_norm": 2.0},
    "plateau": {"rate_schedule": "plateau", "learning_rate": 0.05, "init_seed": 5},
    "ema": {"ema": 0.9, "patience": 2, "kl_schedule": "linear:epochs=2"},
}


@pytest.mark.parametrize("changes", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("step", [STEPS + 2, 2 * STEPS])
def test_resumed_equals_uninterrupted(tmp_path, train_digits, weights, same, timeless, changes, step):
    whole = train_digits(tmp_path / "whole", **changes)
    with pytest.raises(Interrupted):
        train_digits(tmp_path / "broken", progress=Stop(step), **changes)
    resumed = train_digits(tmp_path / "broken", resume=True, **changes)
    for name in ("model", "last", "best"):
        assert same(weights(resumed, name), weights(whole, name))
    assert timeless(resumed.metrics()) == timeless(whole.metrics())


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"kl_schedule": "cyclical"}, "the KL schedule cyclical"),
        ({"regularisers": "capacity", "beta": 100.0}, "the regulariser capacity"),
    ],
)
def test_an_objective_that_ends_cannot_be_lengthened(tmp_path, train_digits, changes, named):
    train_digits(tmp_path / "run", epochs=1, **changes)
    with pytest.raises(ExistsError, match=f"has {named}, which ends with its last epoch; train anew"):
        train_digits(tmp_path / "run", epochs=2, resume=True, **changes)
    assert train_digits(tmp_path / "run", epochs=1, resume=True, **changes).state == "finished"
    train_digits(tmp_path / "line", epochs=1, kl_schedule="linear:epochs=2")
    assert train_digits(tmp_path / "line", epochs=2, resume=True, kl_schedule="linear:epochs=2").state == "finished"


def test_a_schedule_that_ends_cannot_be_lengthened(tmp_path, train_digits):
    train_digits(tmp_path / "run", rate_schedule="cosine", epochs=1)
    with pytest.raises(ExistsError, match="rate_schedule cosine, which ends with its last epoch"):
        train_digits(tmp_path / "run", rate_schedule="cosine", epochs=2, resume=True)
    with pytest.raises(ExistsError, match="has rate_schedule 'cosine', not the default"):
        train_digits(tmp_path / "run", epochs=1, resume=True)
