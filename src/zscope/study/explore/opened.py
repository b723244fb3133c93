"""Codes that are looked at, with all that belongs to them: opened at once, and each part read when it is wanted."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from zscope.errors import CodesError, FormatError, ParameterError, ZscopeError
from zscope.generation.neighbourhood import Neighbourhood
from zscope.generation.sampling import with_noise_factor
from zscope.judging import Judge
from zscope.measures import LatentCodes
from zscope.measures.pca import PrincipalAxes, principal_axes
from zscope.models.autoencoder import Autoencoder
from zscope.runs.codes import bad_rows, listed_rows, read_codes, without_rows
from zscope.runs.latents import Latents
from zscope.runs.measured import read_measures
from zscope.runs.run import Run
from zscope.runs.store import ImageStore
from zscope.study.codes import NAME as CODES_NAME
from zscope.study.codes import folder_of
from zscope.study.encode import model_hash, open_store
from zscope.study.explore.answer import Base, finite, within
from zscope.study.explore.caches import Once
from zscope.study.explore.kept import Pictures, given_images, has_judge, kept_judge, measured_points
from zscope.study.explore.live import MOST_PRODUCTS, MOST_VALUES, neighbour_distances, reconstruction_errors
from zscope.study.labels import check_names, code_labels
from zscope.study.payload import GIVEN
from zscope.training.devices import resolve_device
from zscope.typing import CodeArray, ImageArray


@dataclass(frozen=True, eq=False)
class Opened:
    """A run, or codes without a model.

    Attributes
    ----------
    name, label : str
        Name of the folder or file, and what it is in words.
    points : pyarrow.Table
        A row a code: ``id``, for a run ``split``, labels, and what measures add.
    measures : dict
        What ``measures.json`` holds; empty where nothing was measured.
    null_folder : Path
        Where the points of null clouds are kept, if there are any.
    device : str
        Where to decode.
    run : Run or None
        The run; None of codes without a model.
    latents : Latents or None
        Its codes.
    given : LatentCodes or None
        Codes without a model.
    given_pictures : Pictures or None
        The images that came with these.
    ids_given : bool
        Whether the ids name images; else they are mere rows of a file.
    notes : tuple of str
        What is missing and why, in sentences.
    """

    name: str
    label: str
    points: pa.Table
    measures: Mapping[str, Any]
    null_folder: Path
    device: str = "cpu"
    run: Run | None = None
    latents: Latents | None = None
    given: LatentCodes | None = None
    given_pictures: Pictures | None = None
    ids_given: bool = True
    notes: tuple[str, ...] = field(default=())

    @classmethod
    def of_run(cls, run: Run, device: str = "cpu") -> Self:
        """Open a run.

        Parameters
        ----------
        run : Run
            One that has been encoded; it need not have been measured, nor its images or its model be there.
        device : str
            Where to decode.

        Raises
        ------
        FormatError
            It has not been encoded.
        """
        latents = Latents.open(run.latents)
        measures = read_measures(run.path / "measures.json")
        notes = (
            [] if measures else [f"The run has not been measured: zscope measure {run.path} adds columns and verdicts."]
        )
        return cls(run.name, run.label, latents.points, measures, run.latents, device, run, latents, notes=tuple(notes))

    @classmethod
    def of_codes(
        cls, path: Path | str, labels: Path | None = None, images: Path | None = None, *, drop_bad: bool = False
    ) -> Self:
        """Open codes from a file, with what ``zscope measure`` kept beside it.

        Parameters
        ----------
        path : Path
            As `zscope.runs.codes.read_codes` takes it.
        labels : Path, optional
            A file of labels, one row a code.
        images : Path, optional
            A ``.npy`` file of uint8 (N, H, W) or (N, H, W, C), or an image store, one image a code.
        drop_bad : bool
            Leave codes with NaN or infinity out, and their labels and images, instead of refusing them.

        Raises
        ------
        FormatError, CodesError, SourceError
            A file cannot be read, or does not fit the codes.
        """
        path = Path(path)
        stored = read_codes(path)
        n = len(stored.mean)
        if labels is not None:
            stored = replace(stored, labels={**stored.labels, **code_labels(labels, n)})
        check_names(path, stored.labels)
        ids_given = "id" in stored.labels
        # A code is known by its row in the file, which leaving other rows out must not shift.
        stored = replace(stored, labels={"id": pa.chunked_array([pa.array(np.arange(n))]), **stored.labels})
        pictures = None if images is None else Pictures(given_images(images, n), np.arange(n))
        bad = bad_rows(stored)
        notes = []
        if len(bad):
            if not drop_bad:
                raise CodesError(f"{path}: {listed_rows(bad, n)}; --drop-bad leaves them out")
            stored = without_rows(stored, bad)
            notes.append(f"{listed_rows(bad, n)}: left out.")
            pictures = None if pictures is None else replace(pictures, rows=np.delete(pictures.rows, bad))
        points, measures, why = measured_points(folder_of(path), stored)
        table = pa.table(stored.labels)
        if points is not None:
            added = [name for name in points.column_names if name not in table.column_names]
            table = pa.table({**stored.labels, **{name: points[name] for name in added}})
        return cls(
            path.name,
            "codes without a model",
            table,
            measures,
            folder_of(path),
            given=LatentCodes.of(stored.mean, stored.logvar),
            given_pictures=pictures,
            ids_given=ids_given,
            notes=(*notes, *([why] if why else [])),
        )

    @Once
    def codes(self) -> CodeArray:
        """Read the codes, (N, d), float32; a VAE's are the posterior means."""
        if self.given is not None:
            return self.given.mean
        assert self.latents is not None
        return self.latents.mean()

    @property
    def n(self) -> int:
        """Number of codes."""
        return int(self.points.num_rows)

    @property
    def d(self) -> int:
        """Latent dimensions."""
        return int(self.given.dimension if self.given is not None else self.latents.manifest["d"])  # type: ignore[union-attr]

    @Once
    def splits(self) -> NDArray[np.str_]:
        """Split of each code, (N,): ``train`` or ``held-out``, or ``given`` for codes without a model."""
        if self.latents is None:
            return np.full(self.n, GIVEN)
        return np.asarray(self.points["split"].to_pylist(), dtype=np.str_)

    @Once
    def train(self) -> NDArray[np.int64]:
        """Rows of the training codes, ascending; of codes without a model all rows."""
        return np.flatnonzero((self.splits == "train") | (self.splits == GIVEN))

    @Once
    def ids(self) -> list[str]:
        """Id of each code."""
        return [str(one) for one in self.points["id"].to_pylist()]

    @property
    def training_codes(self) -> CodeArray:
        """The training codes, (n, d), in the order of `train`."""
        return self.codes if len(self.train) == self.n else self.codes[self.train]

    @Once
    def axes(self) -> PrincipalAxes:
        """Principal axes of the training codes."""
        return principal_axes(self.training_codes)

    @Once
    def _model(self) -> tuple[Autoencoder | None, str]:
        if self.run is None or self.latents is None:
            return None, "these are codes without a model: nothing can be decoded"
        try:
            model = Autoencoder.from_pretrained(self.run.path, device=resolve_device(self.device))
            if self.latents.manifest["model"] != model_hash(self.run):
                raise FormatError(f"{self.run.path}: its codes are of another model: zscope encode {self.run.path}")
        except ZscopeError as error:
            return None, f"nothing can be decoded: {error}"
        return model, ""

    @property
    def model(self) -> Autoencoder | None:
        """The model; None where there is none, or it cannot be read."""
        return self._model[0]

    @property
    def why_no_model(self) -> str:
        """Why there is no model; empty where there is one."""
        return self._model[1]

    @Once
    def _images(self) -> tuple[Pictures | None, ImageStore | None, str]:
        if self.run is None:
            why = "" if self.given_pictures else "there are no images: --images FILE brings them"
            return self.given_pictures, None, why
        try:
            store = open_store(self.run)
            rows = store.selection(self.run.data.get("limit"))
            if len(rows) != self.n:
                raise FormatError(f"{self.run.path}: {self.n:,} codes for {len(rows):,} images")
        except ZscopeError as error:
            return None, None, f"there are no images: {error}"
        return Pictures(store.images, rows), store, ""

    @property
    def pictures(self) -> Pictures | None:
        """The images; None where there are none, or their store is gone."""
        return self._images[0]

    @property
    def why_no_pictures(self) -> str:
        """Why there are no images; empty where there are."""
        return self._images[2]

    @property
    def shape(self) -> tuple[int, int, int] | None:
        """Height, width and channels of the images, decoded or given."""
        if self.pictures is not None:
            return self.pictures.shape
        if self.model is not None:
            height, width, channels = self.model.config.shape
            return int(height), int(width), int(channels)
        return None

    @property
    def has_judge(self) -> bool:
        """Whether decoded images can be judged: the judge of the run's images has been made."""
        store = self._images[1]
        return self.model is not None and store is not None and has_judge(store)

    @Once
    def judge(self) -> Judge | None:
        """Open the judge of the run's images where it has been made; none is trained."""
        store = self._images[1]
        if store is None:
            return None
        try:
            return kept_judge(store, self.device)
        except ZscopeError:
            return None

    @Once
    def neighbourhood(self) -> Neighbourhood:
        """Give the training codes, and the distance that is typical between neighbours among them."""
        return Neighbourhood.of(self.training_codes)

    @Once
    def live(self) -> tuple[str, ...]:
        """Name the columns that can be computed when they are asked for, where these are not too many codes."""
        names = []
        if "neighbour_distance" not in self.points.column_names and float(self.n) ** 2 * self.d <= MOST_PRODUCTS:
            names.append("neighbour_distance")
        decoded = self.model is not None and self.pictures is not None
        if decoded and self.n * float(np.prod(self.shape or (0,))) <= MOST_VALUES:
            names.append("reconstruction_error")
        return tuple(names)

    @Once
    def neighbour_distance(self) -> NDArray[np.float32]:
        """Find how far each code is from its neighbours, see `neighbour_distances`."""
        return neighbour_distances(self.codes, self.splits)

    @Once
    def reconstruction_error(self) -> NDArray[np.float32]:
        """Find how far each image is from its reconstruction, see `reconstruction_errors`."""
        if self.pictures is None:
            raise CodesError(self.why_no_pictures)
        return reconstruction_errors(self.codes, self.pictures, self.decode)

    @property
    def has_noise(self) -> bool:
        """Whether the codes are means of posteriors with log-variances."""
        if self.given is not None:
            return self.given.logvar is not None
        return self.latents is not None and bool(self.latents.manifest["logvar"])

    def training_noise(self) -> CodeArray | None:
        """Log-variances of the training codes' posteriors, with the model's own factor; None of an AE."""
        if self.given is not None:
            return self.given.logvar
        logvar = None if self.latents is None else self.latents.logvar(self.train)
        return logvar if logvar is None or self.model is None else with_noise_factor(logvar, self.model.eps_factor)

    def null_points_file(self, split: str) -> Path:
        """File of the null's points in the planes and the standard map of a split."""
        return self.null_folder / f"null-covariance-{CODES_NAME if split == GIVEN else split}.parquet"

    def decode(self, codes: CodeArray) -> ImageArray:
        """Decode codes, (m, d) → (m, H, W, C), uint8; `CodesError` says why where nothing can be decoded."""
        if self.model is None:
            raise CodesError(self.why_no_model)
        return self.model.decode_all(codes)

    def judged(self, images: ImageArray) -> NDArray[np.float64] | None:
        """Ask the judge how far each image is from real ones, at most 1 for a meaningful one; None without a judge."""
        return None if self.judge is None or not len(images) else self.judge.distance(images)

    def code_of(self, base: Base) -> NDArray[np.float64]:
        """Code (d,) that a base names.

        Raises
        ------
        ParameterError
            There is no such kind or row, or the code is of another length or not finite.
        """
        if base.kind == "row":
            own: NDArray[np.float64] = self.codes[self.row(base.row)].astype(np.float64)
            return own
        if base.kind == "code":
            return np.array(finite("base.code", base.code or (), self.d))
        if base.kind != "mean":
            raise ParameterError("base.kind", "be mean, row or code", base.kind)
        return self.axes.centre

    def row(self, row: int | None, name: str = "row") -> int:
        """Check a row of the codes."""
        return within(name, -1 if row is None else row, 0, self.n - 1)
