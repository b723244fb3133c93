"""CelebA as its authors distribute it."""

import os
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Final, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from zscope.data.base import existing_folder, items_table
from zscope.data.files import FileSource, find_images, fingerprint_files, identifier
from zscope.data.policy import ImagePolicy
from zscope.errors import SourceError

IMAGES: Final = "img_align_celeba"
ATTRIBUTES: Final = "list_attr_celeba.txt"
PARTITION: Final = "list_eval_partition.txt"
SIZE: Final = 96

_PLACES: Final = (".", "Anno", "Eval", "Img")
_PARTS: Final = {"0": "train", "1": "val", "2": "test"}


class CelebA(FileSource):
    """Aligned and cropped CelebA with its 40 attributes and its official partition.

    Labels are the attributes (true or false) and ``partition`` (``train``, ``val``, ``test``); val and test are held
    out. Without a size the images are cropped to the centred square and reduced to 96 × 96.

    Liu, Luo, Wang and Tang, "Deep Learning Face Attributes in the Wild" (ICCV 2015).
    """

    scheme = "celeba"
    example = "celeba:DIR"
    what = "CelebA (img_align_celeba, list_attr_celeba.txt, list_eval_partition.txt); 40 attributes, official split"
    default_preset = "celeba"

    def __init__(self, path: Path, images: Path, attributes: Path, partition: Path) -> None:
        super().__init__(path.resolve().name, path)
        self.folder = images
        self._attributes = attributes
        self._partition = partition

    @classmethod
    def open(cls, argument: str) -> Self:
        """Open the folder; images and lists may lie in its ``Img``, ``Anno`` and ``Eval``, as in the distribution."""
        path = existing_folder(argument, cls.scheme)
        return cls(path, *(_find(path, name) for name in (IMAGES, ATTRIBUTES, PARTITION)))

    def complete(self, policy: ImagePolicy) -> ImagePolicy:
        """Return the policy with 96 × 96 where no size is given."""
        return policy if policy.size is not None else replace(policy, size=SIZE)

    def fingerprint(self) -> str:
        """Return a digest of the names, sizes and times of change of the images and both lists."""
        names = [*self._find_images(), *(os.path.relpath(file, self.folder) for file in self._lists())]
        return fingerprint_files(self.folder, names)

    def items(self) -> pa.Table:
        """Return a row for each image that is there, sorted by name."""
        self._names = self._find_images()
        ids = [identifier(name) for name in self._names]
        keys = [PurePosixPath(name).name for name in ids]
        partition = read_partition(self._partition)
        missing = next((key for key in keys if key not in partition), None)
        if missing is not None:
            raise SourceError(f"{self._partition} must have a row for every image, got none for {missing}")
        names, rows, values = read_attributes(self._attributes)
        found = np.array([rows.get(key, -1) for key in keys])
        if (found < 0).any():
            self.notes.append(f"{ATTRIBUTES} has no row for {(found < 0).sum():,} of {len(keys):,} images")
        labels = {
            name: pa.array(values[found, column], pa.bool_(), mask=found < 0) for column, name in enumerate(names)
        }
        parts = [partition[key] for key in keys]
        split = ["train" if part == "train" else "held-out" for part in parts]
        return items_table(ids, split, {"partition": pa.array(parts, pa.string()), **labels})

    def _lists(self) -> tuple[Path, Path]:
        return self._attributes, self._partition

    def _find_images(self) -> list[str]:
        names = find_images(self.folder)
        if not names:
            raise SourceError(f"{self.folder} must hold .jpg files, got none")
        return names


def read_partition(path: Path) -> dict[str, str]:
    """Read ``list_eval_partition.txt``.

    Parameters
    ----------
    path : Path
        Lines ``000001.jpg 0``.

    Returns
    -------
    dict of str to str
        ``train``, ``val`` or ``test`` for every image.

    Raises
    ------
    SourceError
        The file cannot be read, or a line is of another form or names an image again.
    """
    partition: dict[str, str] = {}
    for number, line in enumerate(_lines(path), 1):
        fields = line.split()
        if len(fields) != 2 or fields[1] not in _PARTS or fields[0] in partition:
            raise SourceError(f"{path} line {number} must be a new file name and 0, 1 or 2, got {line[:60]!r}")
        partition[fields[0]] = _PARTS[fields[1]]
    return partition


def read_attributes(path: Path) -> tuple[list[str], dict[str, int], NDArray[np.bool_]]:
    """Read ``list_attr_celeba.txt``.

    Parameters
    ----------
    path : Path
        A line with the number of images, one with the names of the attributes, then lines ``000001.jpg -1 1 …``.

    Returns
    -------
    names : list of str
        The attributes.
    rows : dict of str to int
        The row of every image.
    values : ndarray of shape (rows, attributes)
        Whether the image has the attribute.

    Raises
    ------
    SourceError
        The file cannot be read, or a line is of another form or names an image again.
    """
    lines = _lines(path)
    names = lines[1].split() if len(lines) > 1 else []
    if not names or len(set(names)) != len(names) or not lines[0].strip().isdigit():
        raise SourceError(f"{path} must begin with the number of images and the names of the attributes, got otherwise")
    rows: dict[str, int] = {}
    values = np.zeros((len(lines) - 2, len(names)), dtype=np.bool_)
    allowed = {"1", "-1"}
    for row, line in enumerate(lines[2:]):
        name, *flags = line.split() or [""]
        if len(flags) != len(names) or not allowed.issuperset(flags) or name in rows:
            must = f"be a new file name and {len(names)} times -1 or 1"
            raise SourceError(f"{path} line {row + 3} must {must}, got {line[:60]!r}")
        rows[name] = row
        values[row] = [flag == "1" for flag in flags]
    return names, rows, values


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").rstrip().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path} cannot be read: {error}") from error


def _find(path: Path, name: str) -> Path:
    for place in _PLACES:
        found = path / place / name
        if found.exists():
            return found
    raise SourceError(f"{path} must hold {name}, itself or in {', '.join(_PLACES[1:])}, got neither")
