"""Trackers: programs of others that show a run while it is trained. A new one is one file and one entry."""

from zscope.errors import ParameterError
from zscope.training.trackers.base import Tracker
from zscope.training.trackers.mlflow import MLflow
from zscope.training.trackers.tensorboard import TensorBoard
from zscope.training.trackers.trackio import Trackio
from zscope.training.trackers.wandb import WandB

__all__ = ["TRACKERS", "MLflow", "TensorBoard", "Tracker", "Trackio", "WandB", "tracker"]

TRACKERS: dict[str, type[Tracker]] = {item.name: item for item in (TensorBoard, WandB, MLflow, Trackio)}


def tracker(name: str | None) -> type[Tracker]:
    """Look a tracker up by name and check that its package is installed; None follows nothing."""
    if name is None:
        return Tracker
    if name not in TRACKERS:
        raise ParameterError("tracker", f"be one of {', '.join(TRACKERS)}", name)
    TRACKERS[name].check()
    return TRACKERS[name]
