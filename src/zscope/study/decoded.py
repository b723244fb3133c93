"""A run opened for decoding: its model, its codes, and the images that they belong to."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from zscope.errors import FormatError, ParameterError, SourceError
from zscope.generation.neighbourhood import Neighbourhood
from zscope.models.autoencoder import Autoencoder
from zscope.runs.latents import Latents
from zscope.runs.run import Run
from zscope.runs.store import ImageStore
from zscope.study.encode import open_store
from zscope.training.devices import resolve_device
from zscope.typing import ImageArray, JsonDict


@dataclass(frozen=True, eq=False)
class DecodedRun:
    """What paths, arithmetic and perturbations need of a run.

    Attributes
    ----------
    run : Run
        The run.
    latents : Latents
        Its codes; a VAE's are the posterior means.
    model : Autoencoder
        Its model.
    store : ImageStore
        Its images.
    store_rows : ndarray of shape (N,), int64
        Row in the store of every code's image: with ``--limit`` it is not the row of the code.
    """

    run: Run
    latents: Latents
    model: Autoencoder
    store: ImageStore
    store_rows: NDArray[np.int64]

    @classmethod
    def open(cls, run: Run, latents: Latents, device: str = "auto") -> Self:
        """Open what belongs to a run; `FormatError` where its codes and images do not."""
        store = open_store(run)
        rows = store.selection(run.data["limit"])
        if len(rows) != len(latents):
            raise FormatError(f"{latents.path}: {len(latents):,} codes for the {len(rows):,} images of {run.path}")
        model = Autoencoder.from_pretrained(run.path, device=resolve_device(device))
        return cls(run, latents, model, store, rows)

    def row(self, wanted: str, option: str) -> int:
        """Find a code by what the user wrote.

        Parameters
        ----------
        wanted : str
            The ``id`` of an image as in ``points.parquet``, or else its row there, from 0.
        option : str
            Where it was written, for the error.

        Raises
        ------
        ParameterError
            There is no such id, nor such a row.
        """
        ids = self.latents.points["id"].to_pylist()
        if wanted in ids:
            return int(ids.index(wanted))
        if wanted.isdecimal() and int(wanted) < len(ids):
            return int(wanted)
        what = f"be the id of an image (as {ids[0]}) or a row of the codes, 0 to {len(ids) - 1}"
        raise ParameterError(option, what, wanted)

    def rows_of_file(self, path: Path, option: str) -> NDArray[np.int64]:
        """Rows of the images that a text file names, an id or row a line; empty lines are passed over."""
        try:
            lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
        except (OSError, UnicodeDecodeError) as error:
            raise SourceError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
        place = {str(name): row for row, name in reversed(list(enumerate(self.latents.points["id"].to_pylist())))}
        rows = [place[line] if line in place else self.row(line, option) for line in lines if line]
        return np.unique(np.asarray(rows, dtype=np.int64))

    def original(self, row: int) -> ImageArray:
        """Image (H, W, C) that a code was made from."""
        return np.asarray(self.store.images[self.store_rows[row]])

    def about(self, row: int) -> JsonDict:
        """Row, id and split of a code."""
        points = self.latents.points
        return {"row": row, "id": str(points["id"][row].as_py()), "split": str(points["split"][row].as_py())}

    def neighbourhood(self, without: list[int], seed: int) -> Neighbourhood:
        """Training codes without some of them: those whose surroundings are looked at are not their own neighbours."""
        rows = self.latents.split("train")
        return Neighbourhood.of(self.latents.mean(rows[~np.isin(rows, without)]), seed)


def named(about: JsonDict) -> str:
    """Name an image, of `DecodedRun.about`, by all that it may be called by: an id of digits looks like a row.

    Examples
    --------
    >>> named({"row": 3, "id": "0012", "split": "train"})
    '0012 (row 3, train)'
    """
    return f"{about['id']} (row {about['row']}, {about['split']})"
