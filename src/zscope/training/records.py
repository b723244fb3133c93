"""What is told of an epoch: lines of ``metrics.jsonl``, lines for people, and points of a tracker's curves."""

from collections.abc import Sequence
from typing import Any, cast

from zscope.models.config import ModelConfig
from zscope.training.guard import Figures
from zscope.typing import JsonDict

LINES = 40
"""Most lines about epochs that a run logs."""

CURVES = ("total", "reconstruction", "kl")


def record(
    model: ModelConfig, split: str, figures: Figures, *, epoch: int, step: int, seconds: float, weight: float
) -> JsonDict:
    """Make a line of ``metrics.jsonl``.

    Parameters
    ----------
    model : ModelConfig
        The model's description.
    split : {"train", "held-out"}
        Whose losses they are.
    figures : Figures
        Means over its images.
    epoch, step : int
        How many are finished.
    seconds : float
        Time spent in training steps so far.
    weight : float
        Weight of the KL in the total; written where it is not the final one.

    Returns
    -------
    dict
        With ``terms`` where the total has more than reconstruction and KL.
    """
    line: JsonDict = {
        "step": step,
        "epoch": epoch,
        "split": split,
        "total": figures.total,
        "reconstruction": figures.reconstruction,
        "kl": figures.kl,
        "total_per_channel": figures.total / model.channels,
        "reconstruction_per_channel": figures.reconstruction / model.channels,
        "seconds": round(seconds, 3),
    }
    if weight != model.beta:
        line["weight"] = weight
    if figures.terms:
        line["terms"] = cast(JsonDict, figures.terms)
    return line


def worth_a_line(epoch: int, epochs: int) -> bool:
    """Whether people are told of an epoch: of all where there are few, else of about `LINES`, the last among them.

    ``metrics.jsonl`` has every one.
    """
    every = -(-epochs // LINES)
    return epoch % every == 0 or epoch in (1, epochs)


def line(model: ModelConfig, records: Sequence[JsonDict], epochs: int) -> str:
    """Write the records of an epoch in one line for people."""
    parts = [f"epoch {records[0]['epoch']:>3}/{epochs}, step {records[0]['step']:,}"]
    for entry in records:
        kl = f", KL {entry['kl']:.2f}" if model.kind == "vae" else ""
        channel = f" ({entry['total_per_channel']:.1f} per channel)" if model.channels > 1 else ""
        terms = "".join(f", {name} {value:.2f}" for name, value in cast(JsonDict, entry.get("terms", {})).items())
        parts.append(
            f"{entry['split']}: total {entry['total']:.2f}{channel}, reconstruction {entry['reconstruction']:.2f}{kl}"
            + (f", weighted{terms.removeprefix(',')}" if terms else "")
        )
    return " | ".join(parts) + " nats per image"


def curves(records: Sequence[JsonDict]) -> dict[str, float]:
    """Give the records of an epoch as points of curves: ``train/total``, ``held-out/kl``, ``train/terms/NAME`` …."""
    points: dict[str, float] = {}
    for entry in cast(Sequence[dict[str, Any]], records):
        points |= {f"{entry['split']}/{name}": entry[name] for name in CURVES}
        points |= {f"{entry['split']}/terms/{name}": value for name, value in entry.get("terms", {}).items()}
    return points
