"""Several processes train as one."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from zscope.errors import ParameterError
from zscope.models import Autoencoder
from zscope.runs.formats import write_json
from zscope.training.batches import Batches
from zscope.training.checkpoints import FORMAT, VERSION, Position, restore, snapshot
from zscope.training.checks import check
from zscope.training.config import TrainingConfig
from zscope.training.noise import WholeStepNoise, repeated
from zscope.training.processes import Processes
from zscope.training.way_back import WayBack

CPU = torch.device("cpu")


@pytest.mark.parametrize("count", [1, 2, 3, 7])
@pytest.mark.parametrize("size", [1, 2, 5, 32])
def test_parts_are_the_step_once(digits, count, size):
    """No image twice, none left out, none added: over processes and accumulated batches."""
    rows = digits.indices("train")[:size]
    seen = []
    for index in range(count):
        batches = Batches(digits, rows, 4, 0, accumulate=8, processes=Processes(count, index))
        (step,) = batches.steps(0)
        parts = list(batches.parts(step, CPU))
        assert len(parts) == -(-size // 4)  # as many on every process, or they would wait for each other
        for part in parts:
            assert part.whole == size
            assert len(part.images) >= 1
            seen += [(part.start + place, part.images[place]) for place in range(part.counted)]
    assert sorted(place for place, _ in seen) == list(range(size))
    expected = next(Batches(digits, rows, 32, 0).epoch(0, CPU))
    for place, image in seen:
        assert torch.equal(image, expected[place])


class TestNoise:
    @pytest.mark.parametrize(
        "draw",
        [
            lambda like: torch.empty_like(like).normal_(),
            lambda like: torch.empty_like(like).uniform_(-1, 1),
            torch.randn_like,
            torch.rand_like,
            lambda like: torch.randint_like(like, 2),
        ],
    )
    @pytest.mark.parametrize("shape", [(20, 5), (20, 3, 4, 4)])
    def test_parts_have_the_noise_of_the_whole(self, draw, shape):
        images = torch.zeros(shape)
        if len(shape) == 4:
            images = images.to(memory_format=torch.channels_last)
        torch.manual_seed(3)
        whole, after = draw(images), torch.rand(1)
        torch.manual_seed(3)
        parts = []
        for start, stop in ((0, 7), (7, 8), (8, 20)):
            with repeated(CPU, again=stop < 20), WholeStepNoise(start, stop - start, 20):
                parts.append(draw(images[start:stop]))
        assert torch.equal(torch.cat(parts), whole)
        assert torch.equal(torch.rand(1), after)

    def test_other_draws_are_left_alone(self):
        torch.manual_seed(0)
        expected = torch.randn(4)
        torch.manual_seed(0)
        with WholeStepNoise(0, 3, 20):
            assert torch.equal(torch.empty(4).normal_(), expected)


@pytest.mark.parametrize(
    "changes", [{"batch_norm": True}, {"model": "ae", "regularisers": "mmd"}, {"regularisers": "tc"}]
)
def test_losses_of_a_whole_batch_are_refused(digits, request_of, changes):
    model = request_of(**changes).resolve_model(digits.shape)
    check(model, TrainingConfig(), 100, 10, processes=1)
    with pytest.raises(ParameterError, match="on several processes, which each see a part of a batch"):
        check(model, TrainingConfig(), 100, 10, processes=2)


class Follower(Processes):
    """A second process, which hears what the main one said."""

    def told(self, value):
        assert value in (None, True)
        return value or "earlier"


def test_the_main_process_decides_where_to_go_back_to(tmp_path):
    """A process that sees the folder a moment later, when `good` has been replaced, follows it all the same."""
    for epoch, name in ((1, "earlier"), (2, "good")):
        save_file({}, (tmp_path / name).mkdir() or tmp_path / name / "checkpoint.safetensors")
        write_json(tmp_path / name / "state.json", FORMAT, VERSION, {"position": {"epoch": epoch, "step": 0}})
    follower = WayBack(tmp_path, 10, Follower(2, 1))
    assert follower.before(25, 3).state["position"]["epoch"] == 1
    assert {path.name for path in tmp_path.iterdir()} == {"earlier", "good"}  # which the main process changes
    main = WayBack(tmp_path, 10, Processes())
    assert main.before(25, 3).state["position"]["epoch"] == 2
    assert main.before(22, 3).state["position"]["epoch"] == 1
    assert {path.name for path in tmp_path.iterdir()} == {"good"}
    assert main.before(22, 3).state["position"]["epoch"] == 1


def test_random_numbers_of_mps_go_on_where_they_were(monkeypatch, digits, request_of):
    """Without such a device: its state is taken before a block and put back after it, and kept in checkpoints."""
    states = [torch.tensor([7], dtype=torch.uint8)]
    monkeypatch.setattr(torch.mps, "get_rng_state", lambda: states[-1])
    monkeypatch.setattr(torch.mps, "set_rng_state", states.append)
    with repeated(torch.device("mps")):
        states.append(torch.tensor([8], dtype=torch.uint8))
    assert [int(state) for state in states] == [7, 8, 7]
    model = Autoencoder(request_of().resolve_model(digits.shape))
    optimiser = torch.optim.Adam(model.parameters())
    assert "random.mps" not in snapshot(model, optimiser, Position(), {}).tensors
    monkeypatch.setattr(Autoencoder, "device", torch.device("mps"))
    taken = snapshot(model, optimiser, Position(), {})
    states.append(torch.tensor([9], dtype=torch.uint8))
    restore(taken, model, optimiser, random=True, place="here")
    assert int(states[-1]) == 7


@pytest.mark.slow
@pytest.mark.parametrize(("model", "more"), [("ae", []), ("vae", []), ("vae", ["--batch", "32", "--accumulate", "2"])])
def test_two_processes_log_the_losses_of_one(tmp_path, model, more):
    command = ["-m", "zscope.cli.main", "train", "digits", "--model", model, "--epochs", "2", "--limit", "400"]
    command += ["--device", "cpu", "--precision", "fp32", "--quiet"]
    two = ["-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2", "--num_machines", "1"]
    two += ["--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    for start, out, options in (([], "one", []), (two, "two", more)):
        done = subprocess.run(
            [sys.executable, *start, *command, *options, "--out", out],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.split() == [out]  # the main process alone speaks
    files = [(tmp_path / out / "metrics.jsonl").read_text() for out in ("one", "two")]
    lines = [[json.loads(line) for line in file.splitlines()] for file in files]
    assert len(lines[0]) == len(lines[1]) == 4
    for first, second in zip(*lines, strict=True):
        assert (first["step"], first["split"]) == (second["step"], second["split"])
        for name in ("total", "reconstruction", "kl"):
            np.testing.assert_allclose(second[name], first[name], rtol=1e-5, atol=1e-6)
