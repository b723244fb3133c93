"""What a source of images is."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from PIL import Image

from zscope.data.policy import ImagePolicy
from zscope.errors import SourceError


class Source(ABC):
    """Images with identifiers, splits and labels, read one by one.

    A source is cheap to open: it looks that its files are there and no more. `items` reads the labels and checks what
    would spoil the whole; `read` decodes one image.

    Attributes
    ----------
    scheme : str
        What a user writes before the colon.
    example : str
        The whole as a user writes it.
    what : str
        One line for ``zscope list``.
    default_preset : str or None
        The network that fits; None where it depends on the images.
    decodes : bool
        Whether `read` decodes files, so that threads help.
    name : str
        Base name of its stores.
    path : Path or None
        The folder or file, None for embedded images.
    notes : list of str
        Lines for the log, gathered while reading.
    """

    scheme: ClassVar[str]
    example: ClassVar[str]
    what: ClassVar[str]
    default_preset: ClassVar[str | None]
    decodes: ClassVar[bool] = False

    def __init__(self, name: str, path: Path | None) -> None:
        self.name = name
        self.path = path
        self.notes: list[str] = []

    @classmethod
    @abstractmethod
    def open(cls, argument: str) -> Self:
        """Open the source.

        Parameters
        ----------
        argument : str
            What stands behind the colon; empty for embedded images.

        Raises
        ------
        SourceError
            There is no such folder or file, or a file that belongs to it is missing.
        """

    @abstractmethod
    def fingerprint(self) -> str:
        """Return a text that changes when the source does.

        Names, sizes and times of change are looked at, not contents.
        """

    @abstractmethod
    def items(self) -> pa.Table:
        """Return one row for every image that `read` can be asked for.

        Returns
        -------
        pyarrow.Table
            Columns ``id`` (string, unique), ``split`` (``"train"`` or ``"held-out"``, or null all through where the
            source has no official split), then one for each label.

        Raises
        ------
        SourceError
            There is no image, or a label file is at odds with the images.
        """

    @abstractmethod
    def read(self, index: int, policy: ImagePolicy) -> NDArray[np.uint8]:
        """Return one image, brought to the shape of the policy.

        Parameters
        ----------
        index : int
            Row of `items`, which was called before.
        policy : ImagePolicy
            How to crop and resize.

        Returns
        -------
        ndarray of shape (H, W, C)
            uint8; C is 1 for grey images, else 3.

        Raises
        ------
        SourceError
            The image cannot be read; the others may.
        """

    def complete(self, policy: ImagePolicy) -> ImagePolicy:
        """Return the policy with what the source chooses where the user did not."""
        return policy


class ArraySource(Source):
    """A source whose images lie in one array."""

    _pixels: NDArray[Any]

    def read(self, index: int, policy: ImagePolicy) -> NDArray[np.uint8]:
        """Return one image; an image that the policy leaves alone is no more than a view."""
        image = self._image(index)
        if policy.keeps((image.shape[0], image.shape[1], image.shape[2])):
            return image
        return policy.apply(Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image))

    def _image(self, index: int) -> NDArray[np.uint8]:
        """Return one image as uint8 of shape (H, W, C)."""
        pixels: NDArray[np.uint8] = self._pixels[index]
        return pixels[:, :, np.newaxis] if pixels.ndim == 2 else pixels


def existing_folder(argument: str, scheme: str) -> Path:
    """Return the folder that a user named.

    Raises
    ------
    SourceError
        There is no such folder.
    """
    path = Path(argument).expanduser()
    if not path.is_dir():
        got = "a file" if path.exists() else "nothing there"
        raise SourceError(f"{scheme}:{argument} must name a folder, got {got}")
    return path


def items_table(ids: list[str], split: list[str] | None, labels: dict[str, Any]) -> pa.Table:
    """Build the table of `Source.items`.

    Parameters
    ----------
    ids : list of str
        One for each image.
    split : list of str or None
        One for each image; None where the source has no official split.
    labels : dict of str to array-like
        Label columns by name.
    """
    splits = pa.nulls(len(ids), pa.string()) if split is None else pa.array(split, pa.string())
    return pa.table({"id": pa.array(ids, pa.string()), "split": splits, **labels})
