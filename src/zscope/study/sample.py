"""What ``zscope sample`` does: images from every cloud, under originals and their reconstructions."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from zscope import __version__
from zscope.clouds import cloud
from zscope.errors import CodesError, ParameterError
from zscope.generation.sampling import DEFAULT_CLOUDS, sample_clouds
from zscope.models.autoencoder import Autoencoder
from zscope.runs.latents import Latents
from zscope.runs.run import Run
from zscope.runs.samples import CloudSample, samples_manifest, write_samples
from zscope.runs.store import ImageStore
from zscope.study.encode import model_hash, open_store
from zscope.training.devices import resolve_device
from zscope.typing import ImageArray, JsonDict, Progress, silent


def shown_rows(store: ImageStore, limit: int | None, n: int) -> np.ndarray:
    """Rows of the images to show: held-out ones where there are any, the same for every run on a store."""
    rows = store.selection(limit)
    held_out = rows[store.split[rows] != "train"]
    pool = held_out if len(held_out) else rows
    return np.sort(np.random.default_rng(0).permutation(pool)[:n])


def checked(clouds: Sequence[str], n: int) -> list[str]:
    """Check what is asked for before any work is done, and give every cloud its full name."""
    if n < 1:
        raise ParameterError("n", "be at least 1", n)
    return [cloud(spec).spec for spec in clouds]


def sample_run(
    run: Run,
    latents: Latents,
    *,
    folder: Path | None = None,
    clouds: Sequence[str] | None = None,
    n: int = 12,
    seed: int = 0,
    device: str = "auto",
    force: bool = False,
    progress: Progress = silent,
    log: Callable[[str], None] = print,
) -> None:
    """Draw and decode images into a run's ``samples/``, unless they are there already.

    Parameters
    ----------
    run : Run
        A finished run.
    latents : Latents
        Its codes; clouds are fitted to the training ones.
    folder : Path, optional
        Where to write, by default the run's ``samples/``.
    clouds : sequence of str, optional
        Clouds by name. By default `DEFAULT_CLOUDS` without those that the codes are too few for, which the log and the
        samples' manifest name.
    n : int
        Images a cloud, at least 1.
    seed : int
        Seed of the draws.
    device : str
        Where to decode.
    force : bool
        Draw again.
    progress, log
        Told of clouds, and of lines for people.

    Raises
    ------
    CodesError
        A cloud that was named cannot be fitted to the codes, or none of the default ones can.
    """
    specs = checked(DEFAULT_CLOUDS if clouds is None else clouds, n)
    about: JsonDict = {"zscope": __version__, "model": model_hash(run), "n": n, "seed": seed, "specs": list(specs)}
    folder = folder or run.path / "samples"
    before = samples_manifest(folder)
    if not force and before.get("about") == about and (clouds is None or not before.get("left_out")):
        log(f"{folder}: up to date")
        return
    store = open_store(run)
    model = Autoencoder.from_pretrained(run.path, device=resolve_device(device))
    rows = latents.split("train")
    codes = latents.mean(rows)
    samples: list[CloudSample] = []
    left_out: JsonDict = {}
    for position, spec in enumerate(specs):
        progress(f"sampling {cloud(spec).label}", position, len(specs))
        try:
            samples += sample_clouds(codes, model.decode_all, [spec], n, seed)
        except CodesError as error:
            left_out[spec] = str(error)
            if clouds is not None or len(left_out) == len(specs):
                raise
            log(f"{spec} is left out: {error}")
    originals: ImageArray = np.asarray(store.images[shown_rows(store, run.data["limit"], n)])
    reconstructions = model.decode_all(model.encode(originals).mean.cpu().numpy())
    write_samples(folder, originals, reconstructions, samples, {"about": about, "left_out": left_out})
    log(f"{folder}: {n} images from each of {len(samples)} clouds")
