"""Checkpoints: model, optimiser, random state and counters, as safetensors and JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from zscope.errors import FormatError
from zscope.models.autoencoder import Autoencoder
from zscope.models.tensors import state_tensors
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
    terms : dict of str to float
        Sums of the further terms of the total in the unfinished epoch.
    stale : int
        Epochs since the one with the lowest total.
    halvings : int
        How often the schedule ``plateau`` has halved the step size.
    missing : float
        Sum over the images of the unfinished epoch of what the KL's weight was short of its final value.
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
    terms: dict[str, float] = field(default_factory=dict)
    stale: int = 0
    halvings: int = 0
    missing: float = 0.0


@dataclass(frozen=True)
class Snapshot:
    """All that a run needs to go on from where it stands.

    Attributes
    ----------
    tensors : dict of str to Tensor
        ``model.*``, ``optimiser.INDEX.*``, ``random.*``, and by their own prefixes what else was handed in.
    state : dict
        ``position``, and what else was handed in.
    """

    tensors: dict[str, Tensor]
    state: dict[str, Any]

    def part(self, prefix: str) -> dict[str, Tensor]:
        """Give the tensors under a prefix, by the rest of their names."""
        start = f"{prefix}."
        return {name.removeprefix(start): tensor for name, tensor in self.tensors.items() if name.startswith(start)}


def snapshot(
    model: Autoencoder,
    optimiser: torch.optim.Optimizer,
    position: Position,
    about: Mapping[str, Any],
    more: Mapping[str, Tensor] | None = None,
) -> Snapshot:
    """Copy the state of a run; `more` are further tensors, under names with a prefix of their own."""
    # Clones, since the run goes on, and since safetensors refuses tensors that share memory.
    tensors = {f"model.{name}": tensor.clone() for name, tensor in state_tensors(model).items()}
    for index, entries in optimiser.state_dict()["state"].items():
        for name, value in entries.items():
            tensors[f"optimiser.{index}.{name}"] = torch.as_tensor(value).detach().cpu().clone().contiguous()
    tensors["random.cpu"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors["random.cuda"] = torch.cuda.get_rng_state()
    if model.device.type == "mps":
        tensors["random.mps"] = torch.mps.get_rng_state()
    for name, tensor in (more or {}).items():
        tensors[name] = tensor.detach().cpu().clone().contiguous()
    return Snapshot(tensors, {"position": asdict(position), **about})


def write_snapshot(folder: Path, taken: Snapshot) -> None:
    """Write a checkpoint in place of the one that is there, once it is whole."""
    with staged_folder(folder, force=True) as stage:
        save_file(taken.tensors, stage / "checkpoint.safetensors")
        write_json(stage / "state.json", FORMAT, VERSION, taken.state)


def save_checkpoint(
    folder: Path, model: Autoencoder, optimiser: torch.optim.Optimizer, position: Position, about: JsonDict
) -> None:
    """Write a checkpoint in place of the one that is there, once it is whole."""
    write_snapshot(folder, snapshot(model, optimiser, position, about))


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
    taken = Snapshot(*read_checkpoint(folder))
    return restore(taken, model, optimiser, random=random, place=str(folder)), taken.state


def restore(
    taken: Snapshot, model: Autoencoder, optimiser: torch.optim.Optimizer, *, random: bool, place: str
) -> Position:
    """Put model and optimiser, and with `random` the random state, where a snapshot left them.

    Parameters
    ----------
    taken : Snapshot
        What `snapshot` gave, or a checkpoint that was read.
    model, optimiser
        What to change.
    random : bool
        Whether the random numbers go on from there too.
    place : str
        Where it comes from, for the error.

    Raises
    ------
    FormatError
        It is of another model.
    """
    try:
        model.load_state_dict(taken.part("model"))
    except RuntimeError as error:
        detail = str(error).splitlines()[1].strip() if "\n" in str(error) else str(error)
        raise FormatError(f"{place}: checkpoint of another model: {detail}") from None
    entries: dict[int, dict[str, Tensor]] = {}
    for name, tensor in taken.part("optimiser").items():
        index, key = name.split(".")
        entries.setdefault(int(index), {})[key] = tensor
    optimiser.load_state_dict({"state": entries, "param_groups": optimiser.state_dict()["param_groups"]})
    # The fused update walks over the memory of a parameter and its moments side by side: they must have one layout.
    for parameter, moments in optimiser.state.items():
        for key, value in moments.items():
            if value.shape == parameter.shape:
                moments[key] = torch.empty_like(parameter).copy_(value)
    if random:
        torch.set_rng_state(taken.tensors["random.cpu"])
        if "random.cuda" in taken.tensors and torch.cuda.is_available():
            torch.cuda.set_rng_state(taken.tensors["random.cuda"])
        if "random.mps" in taken.tensors and model.device.type == "mps":
            torch.mps.set_rng_state(taken.tensors["random.mps"])
    return Position(**taken.state["position"])
