"""What ``zscope encode`` does: the codes of the images that a run was trained and tested on."""

from collections.abc import Callable
from pathlib import Path

from torch import nn

from zscope.errors import FormatError, ParameterError, TrainingError
from zscope.models.autoencoder import Autoencoder
from zscope.models.tensors import as_tensor
from zscope.runs.formats import file_hash
from zscope.runs.latents import Latents
from zscope.runs.run import Run
from zscope.runs.store import ImageStore
from zscope.training.devices import resolve_device
from zscope.training.encoding import bf16_error, encode_store
from zscope.typing import Progress, silent


def open_store(run: Run) -> ImageStore:
    """Open the image store that a run was trained on, and check that it still holds the same images."""
    path = Path(run.data["store"])
    if not path.exists():
        source = run.manifest["source"]
        raise FormatError(f"{run.path}: its image store {path} is gone; zscope data prepare {source} makes it again")
    store = ImageStore.open(path)
    if store.hash != run.data["hash"]:
        raise FormatError(f"{run.path}: the image store {path} now holds other images than the run was trained on")
    return store


def finished(run: Run) -> Run:
    """Check that a run's training is finished, and that its model is there."""
    if run.state != "finished":
        raise TrainingError(f"{run.path} is not finished (state: {run.state}); go on with zscope train … --resume")
    if not (run.path / "model" / "model.safetensors").exists():
        raise TrainingError(
            f"{run.path} is not finished: it holds no model/model.safetensors; zscope train … --force trains it anew"
        )
    return run


def model_hash(run: Run) -> str:
    """Identify a run's trained model by the hash of its weights."""
    return file_hash(run.path / "model" / "model.safetensors")


def encode(
    run: Run,
    *,
    folder: Path | None = None,
    precision: str | None = None,
    batch: int | None = None,
    device: str = "auto",
    force: bool = False,
    encoder: nn.Module | None = None,
    decoder: nn.Module | None = None,
    progress: Progress = silent,
    log: Callable[[str], None] = print,
) -> Latents:
    """Encode a run's images into ``latents/``, or open them where they are up to date.

    Parameters
    ----------
    run : Run
        A finished run.
    folder : Path, optional
        Where the latents go, by default the run's ``latents/``.
    precision : {"fp32", "bf16"}, optional
        Precision of the convolutional trunk; for bf16 the log says how far off the codes of one batch are. By default
        that of the latents that are there, else fp32.
    batch : int, optional
        Images at a time, at least 1; by default 64 on a processor, whose caches hold so many, and 512 elsewhere.
    device : str
        Where to encode.
    force : bool
        Encode again even where the latents are up to date.
    encoder, decoder : Module, optional
        The modules of a run of modules of your own.
    progress, log
        Told of batches, and of lines for people.

    Returns
    -------
    Latents
        Codes of training and held-out images.
    """
    finished(run)
    if precision not in (None, "fp32", "bf16"):
        raise ParameterError("precision", "be fp32 or bf16", precision)
    if batch is not None and batch < 1:
        raise ParameterError("batch", "be at least 1", batch)
    identity = model_hash(run)
    where = folder or run.latents
    if not force and (where / "manifest.json").exists():
        latents = Latents.open(where)
        if latents.manifest["model"] == identity and precision in (None, latents.manifest["precision"]):
            log(f"{where}: up to date")
            return latents
    precision = precision or "fp32"
    store = open_store(run)
    on = resolve_device(device)
    batch = batch or (64 if on.type == "cpu" else 512)
    model = Autoencoder.from_pretrained(run.path, device=on, encoder=encoder, decoder=decoder)
    rows = store.selection(run.data["limit"])
    latents = encode_store(
        model,
        store,
        rows,
        where,
        model_hash=identity,
        device=on,
        precision=precision,
        batch=batch,
        force=force or folder is None,
        progress=progress,
    )
    if precision == "bf16":
        sample = as_tensor(store.images[rows[:batch]], on)
        log(f"bf16: the first {len(sample):,} codes differ from those of fp32 by up to {bf16_error(model, sample):.2g}")
    log(f"{where}: {len(latents):,} codes of {latents.manifest['d']} dimensions")
    return latents
