"""From a source to an image store: decoding, splitting, and reusing what is up to date."""

import hashlib
import json
import os
import re
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from zscope.data.base import Source
from zscope.data.policy import ImagePolicy
from zscope.data.registry import open_source
from zscope.errors import ExistsError, FormatError, ParameterError, SourceError
from zscope.runs.formats import read_json, staged_folder, versions
from zscope.runs.store import FORMAT, MANIFEST, VERSION, ImageStore, StoreWriter
from zscope.typing import JsonDict, Progress, silent

Log = Callable[[str], None]
"""Takes one line for the user."""

DEFAULT_HELD_OUT: Final = 0.1
AS_THEY_ARE: Final = ImagePolicy()

_HELD_OUT_SEED: Final = (0, 1)  # not the seed of ImageStore.selection, or every small selection would be held out
_CHUNK: Final = 8
_CHUNKS_AHEAD: Final = 2  # a thread; photographs that keep their size may take 36 MB each
_SHOWN_UNREADABLE: Final = 5


def unheard(line: str) -> None:
    """Log that nobody reads."""


@dataclass(frozen=True)
class _Plan:
    """All that decides what a store will hold."""

    spec: str
    source: Source
    policy: ImagePolicy
    held_out: float

    def key(self) -> JsonDict:
        """Return what must be equal for a store to be up to date."""
        return {
            "scheme": self.source.scheme,
            "policy": self.policy.to_json(),
            "held_out": self.held_out,
            "fingerprint": self.source.fingerprint(),
        }

    def folder_name(self) -> str:
        """Return a name that another source, policy or share does not have."""
        base = re.sub(r"[^A-Za-z0-9._-]+", "-", self.source.name).strip("-.") or self.source.scheme
        standard = self.policy == self.source.complete(AS_THEY_ARE) and self.held_out == DEFAULT_HELD_OUT
        if self.source.path is None and standard:
            return base
        place = None if self.source.path is None else os.fsencode(self.source.path.resolve()).hex()
        text = json.dumps([self.source.scheme, place, self.policy.to_json(), self.held_out])
        return f"{base}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def prepare(
    spec: str,
    root: Path = Path("store"),
    out: Path | None = None,
    policy: ImagePolicy = AS_THEY_ARE,
    held_out: float = DEFAULT_HELD_OUT,
    workers: int | None = None,
    force: bool = False,
    progress: Progress = silent,
    log: Log = unheard,
) -> ImageStore:
    """Bring the images of a source into an image store, or open the store that already holds them.

    A store is up to date when source, policy and held-out share are the same and no file has changed its name, size or
    time since. One in `root` that is not is made anew; so is any with `force`. The new store takes its place when it
    is whole.

    Parameters
    ----------
    spec : str
        The source, ``digits`` or ``mnist:DIR`` and so on.
    root : Path
        Folder of the stores; the store's name comes from the source, and tells apart what differs.
    out : Path, optional
        The store's folder, instead of one in `root`.
    policy : ImagePolicy
        How the images are brought to one shape.
    held_out : float
        Share of the images, 0 ≤ held_out < 1, that is held out, drawn with a fixed seed; at least one image is, and
        one is not. A source with an official split keeps that.
    workers : int, optional
        Threads that decode files; by default as many as the process may use cores.
    force : bool
        Make the store anew even where one exists.
    progress : Progress
        Told how many images are done.
    log : callable
        Told, in lines of text, what a user should know: files that could not be read, grey turned to colour, ….

    Returns
    -------
    ImageStore
        The store.

    Raises
    ------
    ParameterError
        A parameter is out of its bounds.
    SourceError
        There is no image, none can be read, their sizes differ, or labels are at odds with them.
    ExistsError
        `out` holds something else and `force` is not set.
    """
    _check_share(held_out)
    threads = _check_workers(workers)
    source = open_source(spec)
    plan = _Plan(spec, source, source.complete(policy), float(held_out))
    path = Path(out) if out is not None else Path(root) / plan.folder_name()
    key = plan.key()
    if not force:
        store = _up_to_date(path, key, log)
        if store is not None:
            left_out = len(store.unreadable)
            log(f"{path} is up to date" + (f"; {left_out:,} unreadable images are left out" if left_out else ""))
            return store
    replace = force or (out is None and (path / MANIFEST).is_file())
    try:
        with staged_folder(path, force=replace, marker=(MANIFEST, FORMAT)) as folder:
            _build(folder, plan, key, threads, progress, log)
    except ExistsError:
        store = None if out is not None else _up_to_date(path, key, log)  # another process was faster
        if store is None:
            raise
        return store
    return ImageStore.open(path)


def _check_share(held_out: object) -> None:
    if isinstance(held_out, bool) or not isinstance(held_out, int | float) or not 0 <= held_out < 1:
        raise ParameterError("held_out", "be a share of at least 0 and less than 1", held_out)


def _check_workers(workers: object) -> int:
    if workers is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
        raise ParameterError("workers", "be an integer of at least 1", workers)
    return workers


def _up_to_date(path: Path, key: JsonDict, log: Log) -> ImageStore | None:
    """Open a store if it holds what `key` describes."""
    if not (path / MANIFEST).is_file():
        return None
    try:
        manifest = read_json(path / MANIFEST, FORMAT, VERSION)
        if any(manifest.get(name) != value for name, value in key.items()):
            return None
        return ImageStore.open(path)
    except FormatError as error:
        log(f"not reused: {error}")
        return None


def _build(folder: Path, plan: _Plan, key: JsonDict, workers: int, progress: Progress, log: Log) -> None:
    """Write the store into an empty folder."""
    source = plan.source
    items = source.items()
    names: list[str] = items["id"].to_pylist()
    unreadable: list[tuple[str, str]] = []
    readable: list[int] = []
    images = _images(source, len(names), plan.policy, workers)
    with StoreWriter(folder) as writer, closing(images):  # closing ends the threads when an image is refused
        for index, image in images:
            if isinstance(image, SourceError):
                unreadable.append((names[index], str(image)))
            else:
                writer.append(names[index], image)
                readable.append(index)
            if (index + 1) % 64 == 0 or index + 1 == len(names):
                progress("preparing images", index + 1, len(names), unreadable=len(unreadable))
        if not readable:
            raise SourceError(
                f"{plan.spec} must hold at least one readable image, got none of {len(names)}; the first: "
                f"{unreadable[0][1] if unreadable else 'there is no image'}"
            )
        notes = [*source.notes, *_remarks(writer.widened, unreadable, len(names))]
        labels = _with_split(items.take(pa.array(readable, pa.int64())), plan.held_out, notes)
        for note in notes:
            log(note)
        about: JsonDict = {
            "source": plan.spec,
            "name": source.name,
            "preset": source.default_preset,
            **key,
            "unreadable": [{"id": name, "reason": reason} for name, reason in unreadable],
            "notes": list(notes),
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "versions": dict(versions()),
        }
        writer.finish(labels, about)


def _images(
    source: Source, count: int, policy: ImagePolicy, workers: int
) -> Generator[tuple[int, NDArray[np.uint8] | SourceError]]:
    """Yield every image, or why it cannot be read, in order; only a few are in memory at a time."""

    def read(index: int) -> NDArray[np.uint8] | SourceError:
        try:
            return source.read(index, policy)
        except SourceError as error:
            return error

    if not source.decodes or workers == 1:
        for index in range(count):
            yield index, read(index)
        return

    def read_chunk(start: int) -> list[NDArray[np.uint8] | SourceError]:
        return [read(index) for index in range(start, min(start + _CHUNK, count))]

    starts = iter(range(0, count, _CHUNK))
    pool = ThreadPoolExecutor(workers, thread_name_prefix="decode")
    try:
        waiting: deque[tuple[int, Future[list[NDArray[np.uint8] | SourceError]]]] = deque()
        for start in starts:
            waiting.append((start, pool.submit(read_chunk, start)))
            if len(waiting) >= _CHUNKS_AHEAD * workers:
                first, future = waiting.popleft()
                yield from enumerate(future.result(), first)
        for first, future in waiting:
            yield from enumerate(future.result(), first)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _remarks(widened: bool, unreadable: list[tuple[str, str]], count: int) -> list[str]:
    remarks = []
    if widened:
        remarks.append("grey and colour images are mixed: the grey ones became colour (--grey makes all grey)")
    if unreadable:
        remarks.append(f"{len(unreadable):,} of {count:,} images could not be read and are left out:")
        remarks += [f"  {reason}" for _, reason in unreadable[:_SHOWN_UNREADABLE]]
        if len(unreadable) > _SHOWN_UNREADABLE:
            remarks.append(f"  … and {len(unreadable) - _SHOWN_UNREADABLE:,} more, all in {MANIFEST}")
    return remarks


def _with_split(labels: pa.Table, held_out: float, notes: list[str]) -> pa.Table:
    """Return the labels with a split: the official one, or a seeded share."""
    count = labels.num_rows
    official = labels["split"].null_count == 0
    if official:
        if "held-out" not in set(labels["split"].to_pylist()):
            notes.append("the official split holds none of these images out")
        if held_out != DEFAULT_HELD_OUT:
            notes.append(f"the source's official split is kept; held_out {held_out:g} has no effect")
        return labels
    split = np.full(count, "train", dtype=object)
    if held_out > 0 and count > 1:
        share = min(max(1, round(held_out * count)), count - 1)
        split[np.random.default_rng(_HELD_OUT_SEED).permutation(count)[:share]] = "held-out"
    return labels.set_column(labels.column_names.index("split"), "split", pa.array(split, pa.string()))
