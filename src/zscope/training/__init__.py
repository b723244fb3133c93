"""Training: the loop, its recipe, checkpoints and devices; and encoding a store of images into latents."""

from zscope.training.checkpoints import Position, load_checkpoint, read_checkpoint, save_checkpoint
from zscope.training.config import TrainingConfig
from zscope.training.devices import resolve_device, resolve_precision
from zscope.training.encoding import encode_store
from zscope.training.loop import Trainer

__all__ = [
    "Position",
    "Trainer",
    "TrainingConfig",
    "encode_store",
    "load_checkpoint",
    "read_checkpoint",
    "resolve_device",
    "resolve_precision",
    "save_checkpoint",
]
