"""Latents: the stored codes of a data set, in float32 shards that stream and map into memory."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from zscope.errors import FormatError
from zscope.runs.formats import read_json, staged_file, staged_folder, write_json
from zscope.typing import CodeArray, FloatArray, Json

FORMAT, VERSION = "zscope-latents", 1
KEYS = {"n": int, "d": int, "shards": int, "logvar": bool, "precision": str, "model": str}
SHARD = 65_536

MEASURED_COLUMN = re.compile(r"radius|kl|neighbour_distance|pc\d+|axis\d+|tsne\..+")
"""Names of the columns that measures add to the points; no label may bear one."""


class Latents:
    """A folder ``latents/`` of a run: ``manifest.json``, shards of means and log-variances, ``points.parquet``.

    Attributes
    ----------
    path : Path
        The folder.
    manifest : dict
        ``n``, ``d``, ``shards``, ``logvar`` (whether there are any), ``precision``, ``model``, ``data``.
    points : pyarrow.Table
        One row a code: ``id``, ``split``, labels, and what measures add (radius, 2-D maps).
    """

    def __init__(self, path: Path, manifest: dict[str, Any], points: pa.Table) -> None:
        self.path = path
        self.manifest = manifest
        self.points = points

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Open stored latents; `FormatError` where a part is missing or of another size."""
        path = Path(path)
        if not (path / "manifest.json").exists():
            raise FormatError(f"{path} holds no latents: encode the run first (zscope encode RUN)")
        manifest: dict[str, Any] = read_json(path / "manifest.json", FORMAT, VERSION, KEYS)
        try:
            points = pq.read_table(path / "points.parquet")
        except (OSError, pa.ArrowInvalid) as error:
            raise FormatError(f"{path / 'points.parquet'}: {str(error).splitlines()[0]}") from None
        if len(points) != manifest["n"]:
            raise FormatError(f"{path / 'points.parquet'}: {len(points)} rows, the manifest says {manifest['n']}")
        return cls(path, manifest, points)

    def __len__(self) -> int:
        return int(self.manifest["n"])

    def mean(self, rows: np.ndarray | None = None) -> CodeArray:
        """Posterior means (an AE's codes), float32, shape (N, d), or those of `rows` in the order of `rows`."""
        return self._read("mean", rows)

    def logvar(self, rows: np.ndarray | None = None) -> CodeArray | None:
        """Log-variances, float32, shape (N, d), or those of `rows` in the order of `rows`; None for an AE."""
        return self._read("logvar", rows) if self.manifest["logvar"] else None

    def split(self, name: str) -> np.ndarray:
        """Rows of a split (``train`` or ``held-out``), ascending."""
        return np.flatnonzero(np.asarray(self.points["split"].to_pylist(), dtype=str) == name)

    def _read(self, kind: str, rows: np.ndarray | None) -> CodeArray:
        n, d, shards = self.manifest["n"], self.manifest["d"], self.manifest["shards"]
        if rows is not None and len(rows) and not 0 <= rows.min() <= rows.max() < n:
            raise IndexError(f"rows must be from 0 to {n - 1}, got {rows.min()} to {rows.max()}")
        result = np.empty((n if rows is None else len(rows), d), np.float32)
        for index, start in zip(range(shards), range(0, max(n, 1), SHARD), strict=True):
            path = self.path / f"{kind}-{index:05d}.npy"
            try:
                part = np.load(path, mmap_mode="r", allow_pickle=False)
            except (OSError, ValueError, EOFError) as error:
                raise FormatError(f"{path}: {str(error).splitlines()[0]}") from None
            if part.shape != (min(SHARD, n - start), d) or part.dtype != np.float32:
                raise FormatError(f"{path}: {part.dtype} {part.shape} does not fit the manifest ({n} × {d} float32)")
            if rows is None:
                result[start : start + SHARD] = part
            else:
                inside = (rows >= start) & (rows < start + SHARD)
                result[inside] = part[rows[inside] - start]
        return result

    def add_columns(self, columns: Mapping[str, FloatArray], rows: np.ndarray) -> None:
        """Add or replace float columns of the points; rows not named keep what they have, or NaN.

        Parameters
        ----------
        columns : mapping of str to array of shape (len(rows),)
            Values of each column.
        rows : ndarray of int
            The rows that they belong to.
        """
        table = self.points
        for name, values in columns.items():
            if name in table.column_names:
                full = np.array(table[name].to_numpy(), dtype=np.float32)
            else:
                full = np.full(len(self), np.nan, np.float32)
            full[rows] = values
            column = pa.array(full)
            if name in table.column_names:
                table = table.set_column(table.column_names.index(name), name, column)
            else:
                table = table.append_column(name, column)
        with staged_file(self.path / "points.parquet") as stage:
            pq.write_table(table, stage)
        self.points = table


def write_latents(
    path: Path, batches: Any, points: pa.Table, *, d: int, logvar: bool, about: Mapping[str, Json], force: bool
) -> Latents:
    """Write latents as they stream in; the folder appears only when it is whole.

    Parameters
    ----------
    path : Path
        The folder.
    batches : iterable of (mean, logvar or None)
        Float32 arrays of shape (n, d), in the order of `points`.
    points : pyarrow.Table
        ``id``, ``split`` and labels, one row a code.
    d : int
        Latent dimensions.
    logvar : bool
        Whether the batches carry log-variances.
    about : mapping
        What else the manifest says: precision, hashes of model and data.
    force : bool
        Replace latents that exist.

    Raises
    ------
    FormatError
        The batches hold another number of codes than `points` has rows.
    """
    n = len(points)
    with staged_folder(path, force=force, marker=("manifest.json", FORMAT)) as stage:
        kinds = ("mean", "logvar") if logvar else ("mean",)
        shards = {
            kind: [
                np.lib.format.open_memmap(
                    stage / f"{kind}-{index:05d}.npy", "w+", np.float32, (min(SHARD, n - start), d)
                )
                for index, start in enumerate(range(0, n, SHARD))
            ]
            for kind in kinds
        }
        done = 0
        for batch in batches:
            for kind, values in zip(kinds, batch, strict=False):
                _scatter(shards[kind], done, values)
            done += len(batch[0])
        if done != n:
            raise FormatError(f"{path}: {done} codes came for {n} points")
        for arrays in shards.values():
            for array in arrays:
                array.flush()
        pq.write_table(points, stage / "points.parquet")
        write_json(
            stage / "manifest.json",
            FORMAT,
            VERSION,
            {"n": n, "d": d, "shards": len(shards["mean"]), "logvar": logvar, **about},
        )
    return Latents.open(path)


def _scatter(shards: Sequence[np.ndarray], start: int, values: CodeArray) -> None:
    """Write rows from `start` on, over the borders of shards."""
    done = 0
    while done < len(values):
        shard, offset = divmod(start + done, SHARD)
        count = min(SHARD - offset, len(values) - done)
        shards[shard][offset : offset + count] = values[done : done + count]
        done += count
