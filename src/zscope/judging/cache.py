"""The judge of a data set, trained once and kept beside its images.

A cache is a folder::

    config.json           format "zscope-judge", version, hash of the data, recipe, labels, accuracy, …
    model.safetensors     the network, and the scales of the features
    features.safetensors  features of training and held-out images, and the distances of these
"""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from zscope.errors import FormatError, ParameterError
from zscope.judging.embedding import Embedding, ImageFeatures, Scale
from zscope.judging.judge import FEWEST_IMAGES, Judge, pixel_distances
from zscope.judging.network import LearnedFeatures, judged_shape, reduced
from zscope.judging.pretext import Recipe, train_network
from zscope.judging.tasks import Content, LabelTask, label_tasks
from zscope.measures.neighbours import nearest_distances
from zscope.runs.formats import read_json, staged_folder, write_json
from zscope.runs.store import ImageStore
from zscope.training.devices import resolve_device
from zscope.typing import ImageArray, JsonDict, Progress, silent

FORMAT: Final = "zscope-judge"
VERSION: Final = 1

_READ_AT_ONCE = 4096


def judge_folder(store: ImageStore) -> Path:
    """Name the folder, inside a store's, in which its judge is kept."""
    return store.path / "judge"


def judge_for(
    store: ImageStore,
    rows_train: NDArray[np.int64],
    rows_held_out: NDArray[np.int64],
    *,
    labels: Sequence[str] | None = None,
    cache: Path | None = None,
    device: str = "auto",
    recipe: Recipe | None = None,
    progress: Progress = silent,
    log: Callable[[str], None] = print,
) -> Judge:
    """Train the judge of a data set, or open it where it is up to date.

    Images with a side above 48 pixels are judged at 48: what is finer does not count.

    Parameters
    ----------
    store : ImageStore
        The images.
    rows_train : ndarray of shape (N,)
        Rows of the images that the judge is trained on and that others are held against, at least 50.
    rows_held_out : ndarray of shape (h,)
        Rows of images that the judge is not trained on, at least 50.
    labels : sequence of str, optional
        Label columns that the judge learns to name; by default all with 2 to 40 values on at least 90 % of the images.
        An empty one learns none.
    cache : Path, optional
        Folder to keep the judge in, usually `judge_folder`; by default it is not kept.
    device : str
        Where to train, and where the judge computes features.
    recipe : Recipe, optional
        How to train, by default as `Recipe` says.
    progress, log
        Told of steps, and of lines for people.

    Returns
    -------
    Judge
        The same for the same images, recipe and machine.

    Raises
    ------
    ParameterError
        There are too few rows, they overlap, or a label will not do.
    ExistsError
        `cache` is a folder that zscope did not write.
    """
    recipe = recipe or Recipe()
    for name, rows in (("rows_train", rows_train), ("rows_held_out", rows_held_out)):
        if len(rows) < FEWEST_IMAGES:
            raise ParameterError(name, f"be at least {FEWEST_IMAGES} images", len(rows))
    if len(np.intersect1d(rows_train, rows_held_out)):
        raise ParameterError("rows_held_out", "have none of the training images", "some")
    tasks = label_tasks(store.labels, rows_train, labels)
    wanted: JsonDict = {
        "data": store.hash,
        "rows": [_rows_hash(rows_train), _rows_hash(rows_held_out)],
        "labels": [task.name for task in tasks],
        "recipe": recipe.as_json(),
        "shape": list(store.shape),
    }
    on = resolve_device(device)
    if cache is not None and (cache / "config.json").exists():
        kept = _kept(cache, wanted, store.shape, on, log)
        if kept is not None:
            return kept
    if cache is None:
        return _trained(store, rows_train, rows_held_out, tasks, recipe, on, progress, log)
    # The folder is made first: that it cannot be written should not come out after minutes of training.
    with staged_folder(cache, force=True, marker=("config.json", FORMAT)) as stage:
        judge = _trained(store, rows_train, rows_held_out, tasks, recipe, on, progress, log)
        _write(stage, judge, wanted)
    return judge


def _trained(
    store: ImageStore,
    rows_train: NDArray[np.int64],
    rows_held_out: NDArray[np.int64],
    tasks: Sequence[LabelTask],
    recipe: Recipe,
    device: torch.device,
    progress: Progress,
    log: Callable[[str], None],
) -> Judge:
    images = _small(store, rows_train)
    content = Content.of(images, np.random.default_rng(recipe.seed))
    height, width, _ = judged_shape(store.shape)
    learns = ", ".join(["corruptions", "content", *(f"the label {task.name}" for task in tasks)])
    log(
        f"training the judge on {len(images):,} images of {height} × {width} pixels, "
        f"{recipe.steps(len(images)) * recipe.batch:,} views: {learns}"
    )
    trained = train_network(images, rows_train, tasks, content, recipe=recipe, device=device, progress=progress)
    embedding, features = Embedding.fitted(store.shape, trained.network, device, images)
    held_out = embedding(np.asarray(store.images[rows_held_out]))
    return Judge(
        embedding,
        features,
        held_out,
        np.asarray(nearest_distances(features.learned, held_out.learned)),
        pixel_distances(features.pixels, held_out.pixels),
        trained.accuracy,
    )


def _small(store: ImageStore, rows: NDArray[np.int64]) -> ImageArray:
    """Read images at the size at which they are judged; these fit into memory, the store itself need not."""
    shape = judged_shape(store.shape)
    images = np.empty((len(rows), *shape), np.uint8)
    for start in range(0, len(rows), _READ_AT_ONCE):
        part = slice(start, start + _READ_AT_ONCE)
        images[part] = reduced(np.asarray(store.images[rows[part]]), shape)
    return images


def _rows_hash(rows: NDArray[np.int64]) -> str:
    return hashlib.sha256(np.ascontiguousarray(rows, "<i8").data).hexdigest()


def _write(folder: Path, judge: Judge, about: JsonDict) -> None:
    embedding = judge.embedding
    network = {f"network.{name}": value.cpu().numpy() for name, value in embedding.network.state_dict().items()}
    scales = {
        f"{name}.{part}": getattr(scale, part)
        for name, scale in (("learned", embedding.learned), ("random", embedding.random))
        for part in ("mean", "sd")
    }
    tensors = {name: np.ascontiguousarray(value) for name, value in (network | scales).items()}
    save_file(tensors, folder / "model.safetensors")
    features = {
        f"{split}.{name}": np.ascontiguousarray(getattr(found, name))
        for split, found in (("training", judge.training), ("held_out", judge.held_out))
        for name in ("learned", "random", "pixels")
    }
    distances = {"distances": judge.distances, "pixel_distances": judge.pixel_distances}
    save_file(features | distances, folder / "features.safetensors")
    counts: JsonDict = {"training": len(judge.training), "held_out": len(judge.held_out)}
    found: JsonDict = {
        "outputs": embedding.network.tasks.out_features,
        "images": counts,
        "accuracy": {name: round(value, 4) for name, value in judge.accuracy.items()},
        "threshold": judge.threshold,
    }
    write_json(folder / "config.json", FORMAT, VERSION, {**about, **found})


def _kept(
    folder: Path,
    wanted: JsonDict,
    shape: tuple[int, int, int],
    device: torch.device,
    log: Callable[[str], None],
) -> Judge | None:
    """Open a judge; None, and a line that says why, where it is another one than is wanted or cannot be read."""
    try:
        config = read_json(folder / "config.json", FORMAT, VERSION, {"outputs": int, "accuracy": dict})
        if config["version"] != VERSION:
            raise FormatError(f"{folder} was written in version {config['version']}, which judges otherwise")
        other = [name for name, value in wanted.items() if config.get(name) != value]
        if other:
            raise FormatError(f"{folder} holds a judge of other {' and '.join(other)}")
        judge = _read(folder, config, shape, device)
    except FormatError as error:
        log(f"the judge is trained again: {error}")
        return None
    log(f"{folder}: up to date")
    return judge


def _read(folder: Path, config: JsonDict, shape: tuple[int, int, int], device: torch.device) -> Judge:
    try:
        model, found = (load_file(folder / f"{name}.safetensors") for name in ("model", "features"))
        network = LearnedFeatures(judged_shape(shape), int(config["outputs"]))  # type: ignore[arg-type]
        prefix = "network."
        weights = {name: torch.from_numpy(value) for name, value in model.items() if name.startswith(prefix)}
        network.load_state_dict({name.removeprefix(prefix): value for name, value in weights.items()})
        scales = [Scale(model[f"{name}.mean"], model[f"{name}.sd"]) for name in ("learned", "random")]
        features = [
            ImageFeatures(*(found[f"{split}.{name}"] for name in ("learned", "random", "pixels")))
            for split in ("training", "held_out")
        ]
        distances = found["distances"], found["pixel_distances"]
    except (OSError, SafetensorError, KeyError, RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise FormatError(f"{folder} is damaged: {reason}") from error
    accuracy = {name: float(value) for name, value in config["accuracy"].items()}  # type: ignore[union-attr, arg-type]
    embedding = Embedding(shape, network.to(device).eval(), device, *scales)
    return Judge(embedding, features[0], features[1], distances[0], distances[1], accuracy)
