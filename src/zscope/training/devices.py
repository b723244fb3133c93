"""Which device and precision a run gets."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState

from zscope.errors import ParameterError

DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "fp32", "bf16")

SMALL_WORK = 20_000_000
"""Parameters times images below which a step runs on one thread: the preset ``digits`` has 8 million, ``mnist`` 50."""


def has_bf16(device: torch.device) -> bool:
    """Whether a device multiplies bfloat16 faster than float32 (elsewhere it is emulated, and slower)."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        capabilities = torch.cpu.get_capabilities()
        return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16") or capabilities.get("bf16"))
    return False


def resolve_device(name: str = "auto") -> torch.device:
    """Resolve ``auto``, ``cpu``, ``cuda`` or ``mps`` to a device that is there."""
    if name not in DEVICES:
        raise ParameterError("device", f"be one of {', '.join(DEVICES)}", name)
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(kind for kind, available in there.items() if available))
    if not there[name]:
        raise ParameterError("device", "be one that this machine has", name)
    return torch.device(name)


def resolve_precision(name: str, device: torch.device) -> Literal["fp32", "bf16"]:
    """Resolve ``auto`` to ``bf16`` where `has_bf16`, else to ``fp32``."""
    if name not in PRECISIONS:
        raise ParameterError("precision", f"be one of {', '.join(PRECISIONS)}", name)
    if name == "auto":
        return "bf16" if has_bf16(device) else "fp32"
    return "bf16" if name == "bf16" else "fp32"


@contextmanager
def threads_for(work: int) -> Iterator[None]:
    """Compute on one thread where steps are too small to share, and on all of them again afterwards.

    Threads that meet hundreds of times a step gain nothing on a small network, and lose a hundredfold where another
    program has the second core. The choice depends on the work alone, so that a run can be repeated bit for bit.

    Parameters
    ----------
    work : int
        Parameters of the model times images a step.
    """
    before = torch.get_num_threads()
    if work < SMALL_WORK:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def accelerator(device: torch.device, precision: str) -> Accelerator:
    """Make an accelerator for one run.

    accelerate keeps its settings for the life of the process; a study trains several runs in one, so they are reset.
    """
    AcceleratorState._reset_state(reset_partial_state=True)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*mps.*")
        return Accelerator(cpu=device.type == "cpu", mixed_precision="bf16" if precision == "bf16" else "no")
