"""Any folder of photographs or drawings."""

from pathlib import Path, PurePosixPath
from typing import Self

import pyarrow as pa

from zscope.data.base import existing_folder, items_table
from zscope.data.files import FileSource, find_images, fingerprint_files, identifier
from zscope.data.labels import find_label_file, match_labels
from zscope.errors import SourceError


class Folder(FileSource):
    """All JPEG and PNG files of a folder and the folders in it.

    Labels are the names of the sub-folders (column ``folder``, from two on) and the columns of a ``labels.csv`` or
    ``labels.parquet`` that lies in the folder or beside it.
    """

    scheme = "folder"
    example = "folder:DIR"
    what = "all .jpg, .jpeg and .png files below a folder; labels from sub-folders, labels.csv or labels.parquet"
    default_preset = "celeba"

    @classmethod
    def open(cls, argument: str) -> Self:
        """Open the folder."""
        path = existing_folder(argument, cls.scheme)
        return cls(path.resolve().name, path)

    def fingerprint(self) -> str:
        """Return a digest of the names, sizes and times of change of the images and the label file."""
        names = self._find()
        labels = self._label_file()
        if labels is not None:
            names = [*names, labels.name if labels.parent == self.folder else f"../{labels.name}"]
        return fingerprint_files(self.folder.resolve(), names)

    def items(self) -> pa.Table:
        """Return a row for each image file, sorted by name."""
        self._names = self._find()
        labels: dict[str, pa.Array | pa.ChunkedArray] = {}
        parents = [str(PurePosixPath(identifier(name)).parent) for name in self._names]
        if len(set(parents) - {"."}) >= 2:
            labels["folder"] = pa.array([None if parent == "." else parent for parent in parents], pa.string())
        path = self._label_file()
        if path is not None:
            columns, note = match_labels(path, self.folder, self._names)
            self.notes.append(note)
            if "folder" in columns and "folder" in labels:
                self.notes.append(f"the label folder is the column of {path.name}, not the sub-folder")
            labels |= columns
        return items_table([identifier(name) for name in self._names], None, labels)

    def _find(self) -> list[str]:
        names = find_images(self.folder)
        if not names:
            raise SourceError(f"{self.folder} must hold .jpg, .jpeg or .png files, got none")
        return names

    def _label_file(self) -> Path | None:
        return find_label_file(self.folder, self.folder.resolve().parent)
