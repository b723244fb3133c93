"""Checkpoints: model, optimiser, random state and counters, as safetensors and JSON."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from zscope.errors import FormatError
from zscope.models.autoencoder import Autoencoder, state_tensors
from zscope.runs.formats import read_json, staged_folder, write_json
from zscope.typing import JsonDict

FORMAT, VERSION = "zscope-checkpoint", 1


@dataclass
class Position:
    """How far a run is.

    Attributes
    ----------
    epoch : int
        Finished epochs.
    step : int
        Finished steps of the epoch after those.
    lines : int
        Lines of ``metrics.jsonl`` written so far.
    seconds : float
        Time spent in training steps.
    best : float or None
        Lowest total loss at the end of an epoch, nats per image; on held-out images where there are any.
    images, total, reconstruction, kl : float
        Images seen in the unfinished epoch and the sums of their losses.
    """

    epoch: int = 0
    step: int = 0
    lines: int = 0
    seconds: float = 0.0
    best: float | None = None
    images: int = 0
    total: float = 0.0
    reconstruction: float = 0.0
    kl: float = 0.0


def save_checkpoint(
    folder: Path, model: Autoencoder, optimiser: torch.optim.Optimizer, position: Position, about: JsonDict
) -> None:
    """Write a checkpoint in place of the one that is there, once it is whole."""
    tensors = {f"model.{name}": tensor for name, tensor in state_tensors(model).items()}
    for index, entries in optimiser.state_dict()["state"].items():
        for name, value in entries.items():
            # A clone, since safetensors refuses tensors that share memory.
            tensors[f"optimiser.{index}.{name}"] = torch.as_tensor(value).detach().cpu().clone().contiguous()
    tensors["random.cpu"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors["random.cuda"] = torch.cuda.get_rng_state()
    with staged_folder(folder, force=True) as stage:
        save_file(tensors, stage / "checkpoint.safetensors")
        write_json(stage / "state.json", FORMAT, VERSION, {"position": asdict(position), **about})


def read_checkpoint(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read a checkpoint's tensors and state; `FormatError` where it is none."""
    state: dict[str, Any] = cast(dict[str, Any], read_json(folder / "state.json", FORMAT, VERSION))
    try:
        return load_file(folder / "checkpoint.safetensors"), state
    except (OSError, SafetensorError) as error:
        raise FormatError(f"{folder / 'checkpoint.safetensors'}: {error}") from None


def load_checkpoint(
    folder: Path, model: Autoencoder, optimiser: torch.optim.Optimizer, *, random: bool
) -> tuple[Position, dict[str, Any]]:
    """Put model and optimiser, and with `random` the random state, where a checkpoint left them."""
    tensors, state = read_checkpoint(folder)
    weights = {name.removeprefix("model."): tensor for name, tensor in tensors.items() if name.startswith("model.")}
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        detail = str(error).splitlines()[1].strip() if "\n" in str(error) else str(error)
        raise FormatError(f"{folder}: checkpoint of another model: {detail}") from None
    entries: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith("optimiser."):
            _, index, key = name.split(".")
            entries.setdefault(int(index), {})[key] = tensor
    optimiser.load_state_dict({"state": entries, "param_groups": optimiser.state_dict()["param_groups"]})
    # The fused update walks over the memory of a parameter and its moments side by side: they must have one layout.
    for parameter, moments in optimiser.state.items():
        for key, value in moments.items():
            if value.shape == parameter.shape:
                moments[key] = torch.empty_like(parameter).copy_(value)
    if random:
        torch.set_rng_state(tensors["random.cpu"])
        if "random.cuda" in tensors and torch.cuda.is_available():
            torch.cuda.set_rng_state(tensors["random.cuda"])
    return Position(**state["position"]), state
