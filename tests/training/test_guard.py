"""The guard: divergence is seen and undone, and health is not disturbed."""

import json
import math
import os
import signal

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from zscope.errors import TrainingError
from zscope.runs.formats import write_json
from zscope.runs.run import Run
from zscope.study.train import Interrupted
from zscope.training.checkpoints import FORMAT, VERSION, Snapshot, read_checkpoint
from zscope.training.guard import (
    IN_A_ROW,
    LEAST,
    REFRESH,
    RESCUES,
    SIGNALS,
    STATE,
    WINDOW,
    Diverged,
    Figures,
    Guard,
    settled,
)
from zscope.training.loop import Trainer
from zscope.training.processes import Processes
from zscope.training.way_back import WayBack

STEPS = 6


def watched(steps, *, loss=30.0, gradient=5.0, kl=10.0, radius=4.0, noise=0.02, seed=0):
    """A guard that saw healthy steps: lognormal noise of a relative size around constant signals."""
    guard, rng = Guard(), np.random.default_rng(seed)
    for total, norm, divergence, size in np.exp(noise * rng.standard_normal((steps, 4))):
        guard.watch(Figures(loss * total, loss, kl * divergence, {}, gradient * norm, radius * size), "then")
    return guard


class TestRule:
    @pytest.mark.parametrize(
        ("signal", "figures"),
        [
            ("loss", Figures(45.0, 30.0, 10.0, {}, 5.0, 4.0)),
            ("gradient norm", Figures(31.0, 30.0, 10.0, {}, 60.0, 4.0)),
            ("KL", Figures(31.0, 30.0, 30.0, {}, 5.0, 4.0)),
            ("code radius", Figures(31.0, 30.0, 10.0, {}, 5.0, 16.5)),
        ],
    )
    def test_a_signal_far_out_three_times_in_a_row(self, signal, figures):
        guard = watched(WINDOW)
        for _ in range(IN_A_ROW - 1):
            guard.watch(figures, "now")
            assert guard.suspicious
        with pytest.raises(Diverged, match=f"the {signal} is .*, above .* 3 times in a row, now") as caught:
            guard.watch(figures, "now")
        assert caught.value.signal == signal
        assert caught.value.value > caught.value.bound

    def test_bounds_are_those_of_the_docstring(self):
        guard = watched(WINDOW, noise=0.1)
        window = np.array(guard.window)
        levels = np.median(window, axis=0)
        spread = 1.4826 * np.median(np.abs(window - levels), axis=0)
        margins = [0.3 * abs(levels[0]), math.log(10), math.log(2), math.log(2)]
        assert guard.bounds == pytest.approx(np.maximum(levels + 8 * spread, levels + margins))

    def test_two_in_a_row_are_forgiven(self):
        guard = watched(WINDOW)
        for _ in range(5):
            for total in (60.0, 60.0, 30.0):
                guard.watch(Figures(total, 30.0, 10.0, {}, 5.0, 4.0), "now")
        assert not guard.suspicious

    def test_a_kl_that_rises_while_the_loss_falls_is_no_divergence(self):
        guard = watched(WINDOW, kl=0.01, radius=0.1)
        for step in range(1, 100):  # to 15 nats and 3 latent units
            grown = 0.01 * step**1.6
            guard.watch(Figures(29.0 - 0.1 * step, 20.0, grown, {}, 5.0, 0.1 + 0.2 * grown), "now")

    def test_a_kl_that_jumps_is_one_even_while_the_loss_falls(self):
        guard = watched(WINDOW)
        after = Figures(25.0, 20.0, 40.0, {}, 5.0, 4.0)
        for _ in range(IN_A_ROW - 1):
            guard.watch(after, "now")
        with pytest.raises(Diverged, match="the KL is 40"):
            guard.watch(after, "now")

    @pytest.mark.parametrize("place", range(len(SIGNALS)))
    @pytest.mark.parametrize("value", [math.nan, math.inf])
    def test_a_figure_that_is_not_finite_is_one_at_once(self, place, value):
        values = [30.0, 5.0, 10.0, 4.0]
        values[place] = value
        total, gradient, kl, radius = values
        with pytest.raises(Diverged, match=f"the {SIGNALS[place]} is {value} now"):
            Guard().watch(Figures(total, 30.0, kl, {}, gradient, radius), "now")

    def test_worse_than_twice_the_untrained_model(self):
        guard = Guard()
        guard.watch(Figures(40.0, 40.0, 0.0, {}, 5.0, 1.0), "then")
        above = Figures(81.0, 40.0, 0.0, {}, 5.0, 1.0)
        for _ in range(IN_A_ROW - 1):
            guard.watch(above, "now")
        with pytest.raises(Diverged, match=r"the loss is 81, above 80 3 times in a row"):
            guard.watch(above, "now")

    def test_what_rises_steadily_is_in_line(self):
        """A KL that is warmed up may double the loss within a window; exponential growth is a line in logarithms."""
        guard = Guard()
        guard.watch(Figures(100.0, 100.0, 1.0, {}, 1.0, 1.0), "then")
        for step in range(300):
            grown = math.exp(step / 100)
            guard.watch(Figures(30.0 + 0.5 * step, 30.0, grown, {}, grown, grown), "now")

    def test_losses_below_zero(self):
        guard = Guard()
        guard.watch(Figures(60.0, 0.0, 1.0, {}, 1.0, 1.0), "then")
        for total in -100 + np.random.default_rng(0).standard_normal(WINDOW):
            guard.watch(Figures(total, 0.0, 1.0, {}, 1.0, 1.0), "then")
        assert guard.loss_bound == pytest.approx(-70, abs=1)
        for _ in range(IN_A_ROW - 1):
            guard.watch(Figures(-60.0, 0.0, 1.0, {}, 1.0, 1.0), "now")
        with pytest.raises(Diverged):
            guard.watch(Figures(-60.0, 0.0, 1.0, {}, 1.0, 1.0), "now")

    @pytest.mark.parametrize("seed", range(5))
    def test_noise_alone_is_in_line(self, seed):
        """Independent lognormal steps lie above m + 8 s with probability 1e-15 each."""
        assert watched(2000, noise=0.1, seed=seed).memory.taken == 2000

    def test_memory_goes_through_a_checkpoint(self):
        guard = watched(LEAST + REFRESH + 3)
        tensors, memory = guard.state()
        again = Guard()
        again.restore(tensors, json.loads(json.dumps(memory)))
        figures = Figures(31.0, 30.0, 11.0, {}, 5.0, 4.0)
        for _ in range(REFRESH):
            guard.watch(figures, "now")
            again.watch(figures, "now")
        assert (again.window, again.bounds, again.memory) == (guard.window, guard.bounds, guard.memory)


class TestHealthyRuns:
    @pytest.mark.parametrize("changes", [{"model": "ae"}, {"beta": 1e-5}, {"beta": 1.0}], ids=["ae", "tiny", "working"])
    def test_the_guard_changes_nothing(self, tmp_path, train_digits, weights, same, timeless, changes):
        """No event, and the same bits, in runs long enough for the running scale."""
        changes = {"epochs": 12, "learning_rate": 5e-3, **changes}
        run = train_digits(tmp_path / "with", **changes)
        without = train_digits(tmp_path / "without", guard=False, **changes)
        assert "events" not in run.manifest
        assert same(weights(run), weights(without))
        assert timeless(run.metrics()) == timeless(without.metrics())
        state = json.loads((run.path / "checkpoints" / "last" / "state.json").read_text())
        assert state["guard"]["taken"] == 12 * STEPS > LEAST  # no step was out of line


def test_a_capacity_that_rises_is_no_divergence(tmp_path, train_digits):
    """With a target that so small a model never reaches the weighted distance grows to many times the first loss."""
    run = train_digits(tmp_path / "run", beta=1000.0, regularisers="capacity:target=150", epochs=12, learning_rate=1e-6)
    assert "events" not in run.manifest
    first, last = (run.metrics()[place]["terms"]["capacity"] for place in (0, -2))
    assert last > 10 * first > 0


def test_what_moves_by_itself_is_not_watched():
    figures = Figures(130.0, 30.0, 5.0, {"capacity": 90.0, "l2": 10.0}, 1.0, 2.0)
    assert settled(figures) == Figures(40.0, 30.0, 5.0, figures.terms, 1.0, 2.0)
    plain = Figures(1 / 3, 0.3, 0.1, {})
    assert settled(plain) == plain


class Once:
    """A progress that calls something once, when so many steps are done."""

    def __init__(self, step, action):
        self.step, self.action = step, action

    def __call__(self, what, done, total, /, **figures):
        if done == self.step and self.action is not None:
            action, self.action = self.action, None
            action()


@pytest.fixture
def spoilt(train_digits, monkeypatch):
    """Train, and do something to the model after a step, once."""

    def run(out, step, action, **changes):
        trainers = []
        real = Trainer.__init__
        monkeypatch.setattr(
            Trainer, "__init__", lambda self, *args, **more: (trainers.append(self), real(self, *args, **more))[1]
        )
        return train_digits(out, progress=Once(step, lambda: action(trainers[0].model)), **changes)

    return run


def poison(model):
    with torch.no_grad():
        model.decoder[0].bias.fill_(float("nan"))


def shake(model):
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(30.0)


def jolt(model):
    """A loss more than twice that of the untrained model, but no overflow."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(5.0)


class TestRescue:
    @pytest.mark.parametrize("action", [poison, shake])
    @pytest.mark.parametrize("step", [3, STEPS + 2, 2 * STEPS, 3 * STEPS - 1])
    def test_weights_spoilt_once(self, tmp_path, spoilt, finite, weights, action, step):
        run = spoilt(tmp_path / "run", step, action, epochs=4)
        assert run.state == "finished"
        (event,) = run.manifest["events"]
        assert event["kind"] == "rescue"
        assert event["signal"] in (*SIGNALS, "weights", "held-out loss")
        assert step < event["step"] <= step + IN_A_ROW or event["signal"] == "weights"
        end = (step - 1) // STEPS  # of the last epoch before the harm
        assert event["back_to"] == (end if event["step"] - end * STEPS > IN_A_ROW else max(end - 1, 0))
        assert event["step_size"] == run.config["training"]["learning_rate"] / 2
        assert [record["epoch"] for record in run.metrics()] == [1, 1, 2, 2, 3, 3, 4, 4]
        for name in ("last", "best", "model"):
            assert finite(weights(run, name))

    def test_a_divergence_in_the_last_steps_is_none_that_is_saved(self, tmp_path, spoilt):
        """One step tells of it, which is too few for the guard; the held-out loss of the last epoch is the second."""
        run = spoilt(tmp_path / "run", 3 * STEPS - 1, jolt)
        (event,) = run.manifest["events"]
        assert (event["signal"], event["epoch"], event["back_to"]) == ("held-out loss", 3, 2)
        assert event["value"] > event["bound"]
        assert "in a row" not in event["says"]
        assert run.metrics()[-1]["total"] < event["bound"]

    def test_an_epoch_under_suspicion_is_neither_best_nor_told(self, tmp_path, spoilt, monkeypatch):
        """The second of four epochs ends with a step out of line, and is undone: so is what the log said of it."""
        lines, real = [], Trainer.__init__

        def listening(self, *args, **more):
            real(self, *args, **{**more, "log": lines.append})

        monkeypatch.setattr(Trainer, "__init__", listening)
        run = spoilt(tmp_path / "run", 2 * STEPS - 1, jolt, epochs=4)
        assert [event["signal"] for event in run.manifest["events"]] == ["loss"]
        assert [line.split(",")[0] for line in lines if line.startswith("epoch")] == [
            f"epoch   {epoch}/4" for epoch in (1, 2, 3, 4)
        ]
        totals = [record["total"] for record in run.metrics() if record["split"] == "held-out"]
        state = json.loads((run.path / "checkpoints" / "best" / "state.json").read_text())["position"]
        assert (state["best"], state["epoch"]) == (min(totals), totals.index(min(totals)) + 1)

    def test_the_best_epoch_is_none_that_was_undone(self, tmp_path):
        def epoch(number, *names):
            for name in names:
                (tmp_path / name).mkdir(exist_ok=True)
                for file in (tmp_path / name).iterdir():  # as a checkpoint is replaced: no link sees it
                    file.unlink()
                save_file({}, tmp_path / name / "checkpoint.safetensors")
                state = {"position": {"epoch": number, "step": 0}}
                write_json(tmp_path / name / "state.json", FORMAT, VERSION, state)

        def best():
            return read_checkpoint(tmp_path / "best")[1]["position"]["epoch"]

        way_back = WayBack(tmp_path, 10, Processes())
        way_back.begin(Snapshot({}, {"position": {"epoch": 0, "step": 0}}))
        epoch(1, "best", "last")
        way_back.passed()
        assert way_back.before(11, 3).state["position"]["epoch"] == 0
        assert not (tmp_path / "best").exists()
        for number, names in enumerate([("best", "last"), ("last",), ("best", "last"), ("best", "last")], start=1):
            epoch(number, *names)
            way_back.passed()
        assert best() == 4
        assert way_back.before(45, 3).state["position"]["epoch"] == 4
        assert best() == 4
        assert way_back.before(42, 3).state["position"]["epoch"] == 3
        assert best() == 3
        epoch(4, "last")
        way_back.passed()
        assert way_back.before(42, 3).state["position"]["epoch"] == 3
        assert best() == 3

    @pytest.mark.parametrize("what", range(len(STATE)))
    def test_nothing_that_is_not_finite_is_kept(self, tmp_path, train_digits, monkeypatch, finite, what):
        """What a step leaves behind beside the weights: a moment or a part of the average overflows."""
        trainers, real = [], Trainer.__init__
        monkeypatch.setattr(
            Trainer, "__init__", lambda self, *args, **more: (trainers.append(self), real(self, *args, **more))[1]
        )

        def spoil():
            (trainer,) = trainers
            with torch.no_grad():
                if STATE[what] == "weights":
                    next(trainer.model.parameters()).view(-1)[0] = float("inf")
                elif STATE[what] == "averaged weights":
                    next(iter(trainer.average.tensors.values())).view(-1)[0] = float("nan")
                else:
                    next(iter(trainer.optimiser.state.values()))["exp_avg_sq"].view(-1)[0] = float("inf")

        run = train_digits(tmp_path / "run", progress=Once(2 * STEPS, spoil), ema=0.9)
        (event,) = run.manifest["events"]
        assert event["says"].startswith(f"the {STATE[what]} are no longer finite at the end of epoch 2: back to")
        tensors = load_file(run.path / "checkpoints" / "last" / "checkpoint.safetensors")
        kept = {name: value for name, value in tensors.items() if not name.startswith("guard")}  # has no bounds yet
        assert finite(kept)

    def test_it_replays_order_and_noise_from_the_checkpoint(self, tmp_path, spoilt, train_digits, timeless):
        """What comes before the checkpoint is as in a run that nothing happened to; what follows has half the step."""
        whole, run = train_digits(tmp_path / "whole"), spoilt(tmp_path / "run", STEPS + 4, poison)
        assert timeless(run.metrics())[:2] == timeless(whole.metrics())[:2]
        half = train_digits(
            tmp_path / "half",
            start_from=train_digits(tmp_path / "first", epochs=1).path / "checkpoints" / "last",
            learning_rate=whole.config["training"]["learning_rate"] / 2,
            model="vae",
        )
        assert run.metrics()[2]["total"] != whole.metrics()[2]["total"]
        # The same order of images with half the step, but for the noise, which a new run draws anew.
        assert run.metrics()[2]["total"] == pytest.approx(half.metrics()[0]["total"], rel=1e-3)

    def test_a_step_size_far_too_large(self, tmp_path, train_digits, finite, weights):
        run = train_digits(tmp_path / "run", learning_rate=1.0, model="ae", epochs=6)
        events = run.manifest["events"]
        assert 1 <= len(events) <= RESCUES
        assert [event["rescue"] for event in events] == list(range(1, len(events) + 1))
        assert [event["step_size"] for event in events] == [0.5**place for place in range(1, len(events) + 1)]
        assert run.metrics()[-1]["total"] < run.metrics()[0]["total"]
        assert finite(weights(run))

    def test_clipping_in_place_of_halving(self, tmp_path, spoilt):
        run = spoilt(tmp_path / "run", STEPS + 4, poison, rescue="clip")
        (event,) = run.manifest["events"]
        assert event["step_size"] == run.config["training"]["learning_rate"]
        assert 0 < event["clip"] < 1000
        assert "gradients no longer than" in event["says"]

    def test_rescues_are_bounded(self, tmp_path, train_digits):
        with pytest.raises(TrainingError, match=r"after 5 rescues \(a smaller --learning-rate may help\)") as caught:
            train_digits(tmp_path / "run", learning_rate=1e6)
        assert "\n" not in str(caught.value)
        assert not (tmp_path / "run").exists()

    def test_without_the_guard_it_fails_at_once(self, tmp_path, spoilt):
        with pytest.raises(TrainingError, match="the loss is nan at step 3 of epoch 2"):
            spoilt(tmp_path / "run", STEPS + 2, poison, guard=False)

    def test_codes_that_jump_outwards(self, tmp_path, spoilt):
        """The published instability of a VAE with a tiny KL: radius and KL grow many times over, the loss hardly."""

        def stretch(model):
            first = next(module for module in model.decoder.modules() if isinstance(module, torch.nn.Linear))
            with torch.no_grad():
                model.head.mean.weight.mul_(20)
                model.head.mean.bias.mul_(20)
                first.weight.div_(20)

        run = spoilt(tmp_path / "run", 15 * STEPS, stretch, beta=1e-5, epochs=20, learning_rate=1e-4)
        (event,) = run.manifest["events"]
        assert event["signal"] in ("code radius", "KL")
        assert event["step"] <= 20 * STEPS
        assert event["value"] > event["bound"]
        assert event["back_to"] == 14  # the jump came after the last step of epoch 15, whose checkpoint has it

    def test_an_interrupted_rescue_goes_on_as_without_a_break(self, tmp_path, spoilt, train_digits, weights, same):
        whole = spoilt(tmp_path / "whole", STEPS + 4, poison)

        class Both(Once):
            calls = 0

            def __call__(self, what, done, total, /, **figures):
                super().__call__(what, done, total, **figures)
                Both.calls += 1
                if Both.calls == STEPS + 4 + 2:
                    os.kill(os.getpid(), signal.SIGINT)

        trainers = []
        real = Trainer.__init__

        def noted(self, *args, **more):
            trainers.append(self)
            real(self, *args, **more)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Trainer, "__init__", noted)
            with pytest.raises(Interrupted):
                train_digits(tmp_path / "run", progress=Both(STEPS + 4, lambda: poison(trainers[-1].model)))
        assert len(Run.open(tmp_path / "run").manifest["events"]) == 1
        resumed = train_digits(tmp_path / "run", resume=True)
        assert same(weights(resumed), weights(whole))
        assert resumed.manifest["events"] == whole.manifest["events"]
