"""Runs: the formats on disk. The only room that reads and writes image stores, run folders and latents."""

from zscope.runs.latents import Latents, write_latents
from zscope.runs.run import Run, find_runs
from zscope.runs.store import ImageStore, StoreWriter

__all__ = ["ImageStore", "Latents", "Run", "StoreWriter", "find_runs", "write_latents"]
