"""Losses of the model that a run kept: those after its last epoch, or with patience after its best."""

from typing import Any

from zscope.study.payload import RunPayload


def kept_losses(run: RunPayload, split: str) -> dict[str, Any] | None:
    """Find the losses of a split after the epoch whose model is kept.

    That is the last epoch which has losses of the split; where training has patience it is the one with the lowest
    held-out total.

    Parameters
    ----------
    run : RunPayload
        With or without a history.
    split : {"train", "held-out"}
        Whose losses.

    Returns
    -------
    dict or None
        A line of ``metrics.jsonl``, nats per image; None where there is none of the split.
    """
    records = [record for record in run.history if record["split"] == split]
    if run.trained and run.manifest["config"].get("training", {}).get("patience") is not None:
        held_out = {record["epoch"]: record["total"] for record in run.history if record["split"] == "held-out"}
        best = min(held_out, key=held_out.__getitem__, default=None)
        records = [record for record in records if record["epoch"] == best] or records
    return records[-1] if records else None
