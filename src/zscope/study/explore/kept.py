"""What is kept beside codes: images that are given with them, the judge of a run's images, and measured points."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from zscope.errors import CodesError, FormatError, ZscopeError
from zscope.judging import Judge, judge_folder, judge_for
from zscope.runs.codes import StoredCodes, content_hash
from zscope.runs.formats import read_json
from zscope.runs.measured import read_measures
from zscope.runs.store import ImageStore
from zscope.study import codes as measured_codes
from zscope.typing import ImageArray


@dataclass(frozen=True, eq=False)
class Pictures:
    """The images of codes, in the order of the codes.

    Attributes
    ----------
    images : ndarray of shape (M, H, W, C), uint8
        Usually mapped into memory; only the images that are asked for are read.
    rows : ndarray of shape (N,), int64
        Which of them belongs to each code.
    """

    images: ImageArray
    rows: NDArray[np.int64]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels."""
        height, width, channels = self.images.shape[1:]
        return int(height), int(width), int(channels)

    def of(self, rows: NDArray[np.int64]) -> ImageArray:
        """Images (m, H, W, C) of codes, in the order of `rows`."""
        return np.asarray(self.images[self.rows[rows]])


def given_images(path: Path, n: int) -> ImageArray:
    """Open the images that a user brings for codes.

    Parameters
    ----------
    path : Path
        A ``.npy`` file of uint8, shape (N, H, W) or (N, H, W, C), or the folder of an image store.
    n : int
        Number of codes.

    Returns
    -------
    ndarray of shape (N, H, W, C), uint8
        Mapped into memory.

    Raises
    ------
    FormatError
        There is no such file or store, it is damaged, or holds something else than images.
    CodesError
        There are more or fewer images than codes.
    """
    images = ImageStore.open(path).images if path.is_dir() else _array(path)
    if len(images) != n:
        raise CodesError(f"{path} must hold one image for each of {n:,} codes, in their order, got {len(images):,}")
    return images


def _array(path: Path) -> ImageArray:
    try:
        images = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise FormatError(f"{path} cannot be read as images: {reason}") from None
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8 or not _fits(images.shape):
        what = f"{images.dtype} of shape {images.shape}" if isinstance(images, np.ndarray) else "an archive"
        raise FormatError(f"{path} must hold images, uint8 of shape (N, H, W) or (N, H, W, 1 or 3), got {what}")
    return np.asarray(images[..., None] if images.ndim == 3 else images)


def _fits(shape: tuple[int, ...]) -> bool:
    return 0 not in shape and (len(shape) == 3 or (len(shape) == 4 and shape[3] in (1, 3)))


class _NotKeptError(Exception):
    """A judge would have to be trained."""


def kept_judge(store: ImageStore, device: str) -> Judge:
    """Open the judge of a store's images where it is up to date; none is ever trained here.

    Parameters
    ----------
    store : ImageStore
        The images.
    device : str
        Where features are computed.

    Returns
    -------
    Judge
        As ``zscope sample --ladder`` made it.

    Raises
    ------
    CodesError
        There is none, or it is of other images or damaged.
    """
    cache = judge_folder(store)
    missing = f"{cache} holds no judge of these images: zscope sample RUN --ladder makes one"
    if not has_judge(store):
        raise CodesError(missing)

    def only_kept(line: str) -> None:
        # The judge says first whether it is kept; any other line comes before it is trained.
        if line != f"{cache}: up to date":
            raise _NotKeptError

    try:
        return judge_for(
            store, store.indices("train"), store.indices("held-out"), cache=cache, device=device, log=only_kept
        )
    except (_NotKeptError, ZscopeError):
        raise CodesError(missing) from None


def has_judge(store: ImageStore) -> bool:
    """Tell whether a judge of these images is kept; whether it is whole is seen when it is opened."""
    try:
        return read_json(judge_folder(store) / "config.json", "zscope-judge", 1).get("data") == store.hash
    except FormatError:
        return False


def measured_points(folder: Path, stored: StoredCodes) -> tuple[pa.Table | None, dict[str, Any], str]:
    """Read what ``zscope measure`` kept with codes of one's own.

    Parameters
    ----------
    folder : Path
        Where measures of these codes go by default; it need not exist.
    stored : StoredCodes
        The codes.

    Returns
    -------
    points : pyarrow.Table or None
        A row a code; None where these codes were not measured.
    measures : dict
        What ``measures.json`` holds; empty without points.
    why : str
        Why there are none, for people; empty where there are.
    """
    if not (folder / "codes.json").exists():
        return None, {}, f"The codes have not been measured: zscope measure {stored.path} adds columns and verdicts."
    try:
        read_json(folder / "codes.json", measured_codes.FORMAT, measured_codes.VERSION, measured_codes.KEYS)
        measures = read_measures(folder / "measures.json")
        points = pq.read_table(folder / "points.parquet")
    except (FormatError, OSError, pa.ArrowInvalid) as error:
        return None, {}, f"Measures of these codes cannot be read: {str(error).splitlines()[0]}"
    same = measures.get("about", {}).get("codes") == content_hash(stored) and points.num_rows == len(stored.mean)
    if not same:
        return (
            None,
            {},
            f"{folder} holds measures of other codes: zscope measure {stored.path} --force makes them anew.",
        )
    return points, measures, ""
