"""The default recipe is a plain loop, and stays what it was."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from zscope.models import Autoencoder
from zscope.study.train import train
from zscope.training.batches import Batches
from zscope.training.config import LATER, TrainingConfig

# Totals of the small model of `conftest`, train and held-out after epochs 1 and 3, as zscope 0.1.0 logged them before
# it had a guard, accumulation or schedules.
BEFORE = {
    "ae": (44.305494466539244, 44.205772399902344, 43.888091998864276, 43.717811584472656),
    "vae": (44.57110888655014, 44.40583801269531, 44.1867161324011, 44.072120666503906),
}


@pytest.mark.parametrize("model", BEFORE)
def test_losses_are_those_of_before(tmp_path, train_digits, model):
    records = train_digits(tmp_path / "run", model=model).metrics()
    totals = [records[place]["total"] for place in (0, 1, -2, -1)]
    assert totals == pytest.approx(BEFORE[model], rel=1e-6)  # other processors round otherwise


@pytest.mark.parametrize("model", ["ae", "vae"])
def test_a_run_is_a_plain_loop_bit_for_bit(tmp_path, train_digits, digits, request_of, weights, same, model):
    run = train_digits(tmp_path / "run", model=model)
    request = request_of(model=model)
    config = request.resolve_training(digits.shape)
    torch.manual_seed(0)
    plain = Autoencoder(request.resolve_model(digits.shape))
    optimiser = torch.optim.Adam(plain.parameters(), lr=config.learning_rate, eps=config.adam_eps, fused=True)
    chosen = digits.selection(200)
    batches = Batches(digits, chosen[digits.split[chosen] == "train"], 32, 0)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for epoch in range(3):
            for images in batches.epoch(epoch, torch.device("cpu")):
                optimiser.zero_grad()
                plain(images).total.backward()
                optimiser.step()
    finally:
        torch.set_num_threads(threads)
    assert same(weights(run), plain.state_dict())


class TestHash:
    def test_the_configuration_of_a_default_run_has_no_later_field(self):
        assert set(TrainingConfig().model_dump(mode="json")) == set(TrainingConfig.model_fields) - set(LATER)

    @pytest.mark.parametrize(
        "changes",
        [
            {"accumulate": 2},
            {"optimiser": "adamw", "weight_decay": 0.01},
            {"rate_schedule": "cosine", "rate_warmup": 3},
            {"clip_norm": 1.0, "ema": 0.99, "patience": 3},
            {"init_seed": 4, "guard": False, "rescue": "clip"},
        ],
    )
    def test_what_differs_is_written_and_read_again(self, changes):
        config = TrainingConfig(**changes)
        written = json.loads(json.dumps(config.model_dump(mode="json")))
        assert {name: written[name] for name in changes} == changes
        assert TrainingConfig.model_validate(written) == config

    def test_the_hash_of_a_run_of_before(self, tmp_path, train_digits, digits):
        run = train_digits(tmp_path / "run", epochs=1)
        older = {
            name: run.config["training"][name]
            for name in ("epochs", "batch", "learning_rate", "adam_eps", "seed", "precision", "limit", "started_from")
        }
        assert run.config["training"] == older


def test_a_checkpoint_of_before_goes_on(tmp_path, train_digits, weights, same):
    """What older versions wrote had no guard, no events and fewer counters."""
    whole = train_digits(tmp_path / "whole")
    run = train_digits(tmp_path / "grown", epochs=1)
    state = run.path / "checkpoints" / "last" / "state.json"
    content = json.loads(state.read_text())
    for name in ("guard", "events"):
        del content[name]
    for name in ("terms", "stale", "halvings"):
        del content["position"][name]
    state.write_text(json.dumps(content, indent=2))
    tensors = state.parent / "checkpoint.safetensors"
    save_file({name: value for name, value in load_file(tensors).items() if not name.startswith("guard.")}, tensors)
    assert same(weights(train_digits(run.path, resume=True)), weights(whole))


def test_fewer_images_than_a_batch(tmp_path, digits, request_of):
    lines = []
    run = train(request_of(limit=20, batch=64, epochs=2), "digits", digits, out=tmp_path / "run", log=lines.append)
    assert "fewer images than the 64 of a step: each step takes all of them" in lines
    assert [record["step"] for record in run.metrics() if record["split"] == "train"] == [1, 2]
    assert np.isfinite(run.metrics()[-1]["total"])
