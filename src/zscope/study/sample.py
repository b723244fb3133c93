"""What ``zscope sample`` does: images from every cloud, under originals and their reconstructions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from zscope import __version__
from zscope.clouds import Cloud, cloud
from zscope.clouds.conditional import ConditionalCloud
from zscope.errors import CodesError, FormatError, ParameterError
from zscope.generation.sampling import DEFAULT_CLOUDS, FIXED, PRIOR, fitted, sample_of, with_noise_factor, with_prior
from zscope.measures.words import counted
from zscope.models.autoencoder import Autoencoder
from zscope.runs.ladders import SAMPLER
from zscope.runs.latents import MEASURED_COLUMN, Latents
from zscope.runs.run import Run
from zscope.runs.samplers import kept_sampler, spelled
from zscope.runs.samples import CloudSample, samples_manifest, write_samples
from zscope.runs.store import ImageStore
from zscope.study.encode import model_hash, open_store
from zscope.training.devices import resolve_device
from zscope.typing import CodeArray, ImageArray, JsonDict, Progress, silent

MOST_IMAGES = 1_000_000
"""Images a cloud: they are all held in memory."""

RECOMMENDED = "recommended"
"""The sampler that ``zscope sample --ladder`` kept with the run, by the name that is given for it."""


@dataclass(frozen=True)
class LabelChoice:
    """Labels that clouds are fitted to, each value on its own.

    Attributes
    ----------
    column : str
        A column of the labels.
    value : str or None
        The only value that is drawn; None for all.
    """

    column: str
    value: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``COLUMN`` or ``COLUMN=VALUE``.

        Examples
        --------
        >>> LabelChoice.parse("digit=3")
        LabelChoice(column='digit', value='3')
        """
        column, equals, value = text.partition("=")
        if not column or (equals and not value):
            raise ParameterError("label", "be COLUMN or COLUMN=VALUE", text or "nothing")
        return cls(column, value if equals else None)

    def __str__(self) -> str:
        return self.column if self.value is None else f"{self.column}={self.value}"


def label_values(latents: Latents, column: str) -> NDArray[np.str_]:
    """Values of a label as text, one a code; empty where there is none.

    Raises
    ------
    ParameterError
        There is no such label.
    """
    points = latents.points
    labels = [
        name
        for name in points.column_names
        if name not in ("id", "split")
        and not MEASURED_COLUMN.fullmatch(name)
        and not pa.types.is_floating(points[name].type)
    ]
    if column not in labels:
        raise ParameterError("label", f"be one of {', '.join(labels) or 'none: there are no labels'}", column)
    return np.array(["" if value is None else str(value) for value in points[column].to_pylist()])


def shown_rows(store: ImageStore, limit: int | None, n: int) -> np.ndarray:
    """Rows of the images to show: held-out ones where there are any, the same for every run on a store."""
    rows = store.selection(limit)
    held_out = rows[store.split[rows] != "train"]
    pool = held_out if len(held_out) else rows
    return np.sort(np.random.default_rng(0).permutation(pool)[:n])


def checked(clouds: Sequence[str], n: int) -> list[str]:
    """Check what is asked for before any work is done, and give every cloud its full name."""
    if not 1 <= n <= MOST_IMAGES:
        raise ParameterError("n", f"be at least 1 and at most {MOST_IMAGES:,}", n)
    return [spec if spec == RECOMMENDED else cloud(spec).spec for spec in clouds]


def sample_run(
    run: Run,
    latents: Latents,
    *,
    folder: Path | None = None,
    clouds: Sequence[str] | None = None,
    n: int = 12,
    seed: int = 0,
    label: LabelChoice | None = None,
    eps_factor: float = 1.0,
    device: str = "auto",
    force: bool = False,
    kept: bool = True,
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
        Clouds by name, or ``recommended`` for the sampler that was kept with the run. By default `DEFAULT_CLOUDS`
        without those that the codes are too few for, which the log and the samples' manifest name.
    n : int
        Images a cloud, at least 1; with a label, images a cloud and value.
    seed : int
        Seed of the draws.
    label : LabelChoice, optional
        Fit each cloud to the codes of each value of a label, and draw every value, or one.
    eps_factor : float
        Factor on the noise of the posteriors whose draws clouds are fitted to.
    device : str
        Where to decode.
    force : bool
        Draw again.
    kept : bool
        Whether the folder stays: the log names it then.
    progress, log
        Told of clouds, and of lines for people.

    Raises
    ------
    CodesError
        A cloud that was named cannot be fitted to the codes, or none of the default ones can.
    ParameterError
        There is no such label or value, or `eps_factor` has nothing to act on.
    """
    usual = DEFAULT_CLOUDS if label is not None else with_prior(DEFAULT_CLOUDS, prior_of(run))
    specs = checked(usual if clouds is None else clouds, n)
    _check_factor(specs, eps_factor, run)
    about: JsonDict = {"zscope": __version__, "model": model_hash(run), "n": n, "seed": seed, "specs": list(specs)}
    # Named only where they are asked for: samples of an earlier version stay up to date.
    about |= {} if latents.manifest["logvar"] is False else {"fitted_to": "posterior draws"}
    about |= {} if label is None else {"label": str(label)}
    about |= {} if eps_factor == 1 else {"eps_factor": eps_factor}
    folder = folder or run.path / "samples"
    before = samples_manifest(folder)
    reusable = RECOMMENDED not in specs and (clouds is None or not before.get("left_out"))
    if not force and before.get("about") == about and reusable:
        log(f"{folder}: up to date")
        return
    store = open_store(run)
    model = Autoencoder.from_pretrained(run.path, device=resolve_device(device))
    draw = _Drawing(run, latents, model, n, seed, label, eps_factor)
    samples: list[CloudSample] = []
    left_out: JsonDict = {}
    for position, spec in enumerate(specs):
        progress(f"sampling {spec}", position, len(specs))
        try:
            samples += draw.of(spec)
        except CodesError as error:
            left_out[spec] = str(error)
            if clouds is not None or len(left_out) == len(specs):
                raise
            log(f"{spec} is left out: {error}")
    originals: ImageArray = np.asarray(store.images[shown_rows(store, run.data["limit"], n)])
    reconstructions = model.decode_all(model.encode(originals).mean.cpu().numpy())
    write_samples(folder, originals, reconstructions, samples, {"about": about, "left_out": left_out})
    drawn = f"{counted(n, 'image')} from {'each of ' if len(samples) > 1 else ''}{counted(len(samples), 'cloud')}"
    log(f"{folder}: {drawn}" if kept else drawn)


class _Drawing:
    """Fits clouds to the training codes of a run, all together or each value of a label on its own, and draws."""

    def __init__(
        self,
        run: Run,
        latents: Latents,
        model: Autoencoder,
        n: int,
        seed: int,
        label: LabelChoice | None,
        eps_factor: float,
    ) -> None:
        self.run, self.model, self.n, self.seed = run, model, n, seed
        rows = latents.split("train")
        self.codes = latents.mean(rows)
        logvar = latents.logvar(rows)
        # The factor that was asked for multiplies the model's own, with which its decoder was trained.
        factor = eps_factor if logvar is None else eps_factor * model.eps_factor
        self.logvar = with_noise_factor(logvar, factor)
        self.values = None if label is None else label_values(latents, label.column)[rows]
        if self.values is not None and label is not None and label.value is not None:
            label = replace(label, value=spelled(label.value, self.values))
            if label.value not in self.values:
                there = sorted(set(self.values.tolist()) - {""})
                listed = ", ".join(there[:12]) + (f" and {len(there) - 12:,} more" if len(there) > 12 else "")
                raise ParameterError("label", f"have a value that training codes have ({listed})", str(label))
        self.label = label
        self.eps_factor = eps_factor

    def words(self, spec: str, label: str) -> str:
        """Label of a cloud, with the factor on the noise of the posteriors that it learnt from, where it is not 1."""
        name = spec.partition(":")[0]
        if self.eps_factor == 1 or name in (*FIXED, RECOMMENDED) or label.endswith("without noise"):
            return label
        noise = f"with {self.eps_factor:g} × their noise"
        return f"{label.removesuffix(', with their noise')}, {noise if name == 'posterior' else f'of codes {noise}'}"

    def of(self, spec: str) -> list[CloudSample]:
        """Draw from one cloud."""
        if self.label is None or self.values is None:
            if spec == RECOMMENDED:
                item = recommended(self.run)
            else:
                item = fitted(spec, self.codes, self.logvar, self.model.prior_components)
            sample = sample_of(item, self.model.decode_all, self.n, self.seed)
            return [replace(sample, label=self.words(spec, sample.label))]
        if spec == RECOMMENDED:
            spec = recommended(self.run).spec
        if spec == PRIOR:
            raise ParameterError("sampler", "be another one with a label, of which the prior knows nothing", spec)
        return labelled_samples(self, spec, self.label, self.values)


def labelled_samples(drawing: _Drawing, spec: str, label: LabelChoice, values: NDArray[np.str_]) -> list[CloudSample]:
    """Fit a cloud to each value of a label and draw from every one, or from the one that was chosen."""
    conditional = fitted_to_labels(spec, drawing.codes, drawing.logvar, values, only=label.value)
    wanted = [label.value] if label.value is not None else sorted(set(values[values != ""]))
    samples = []
    for value in wanted:
        drawn = conditional.draw(drawing.n, np.random.default_rng(drawing.seed), value)
        named = cloud(spec)
        samples.append(
            CloudSample(
                f"{spec}[{label.column}={value}]",
                f"{drawing.words(spec, named.label)}, {label.column} {value}",
                named.keeps,
                drawn,
                drawing.model.decode_all(drawn),
            )
        )
    return samples


def fitted_to_labels(
    spec: str,
    codes: CodeArray,
    logvar: CodeArray | None,
    values: NDArray[np.str_],
    *,
    only: str | None = None,
) -> ConditionalCloud:
    """Fit a cloud to the codes of each value of a label; codes without a label are left aside.

    Parameters
    ----------
    spec : str
        The cloud.
    codes, logvar : ndarray of shape (N, d)
        Codes, and log-variances where there are any.
    values : ndarray of shape (N,)
        Values of the label as text, empty where there is none.
    only : str, optional
        Fit to this value alone.

    Raises
    ------
    CodesError
        A value has too few codes.
    """
    rows = np.flatnonzero(values != "" if only is None else values == only)
    return ConditionalCloud(spec).fit(codes[rows], values[rows], None if logvar is None else logvar[rows])


def prior_of(run: Run) -> str:
    """Name of the prior of a run's model; ``normal`` for an AE, which has none."""
    return str(run.config["model"].get("prior", {}).get("name", "normal"))


def recommended(run: Run) -> Cloud:
    """Read the sampler that was kept with a run.

    Raises
    ------
    FormatError
        There is none, or it was fitted to codes of another model.
    """
    path = run.path / SAMPLER
    if not path.exists():
        raise FormatError(f"{run.path} keeps no sampler: zscope sample {run.path} --ladder finds and keeps one")
    return kept_sampler(path, run.path / "model" / "model.safetensors")


def _check_factor(specs: Sequence[str], eps_factor: float, run: Run) -> None:
    if eps_factor == 1:
        return
    if {spec.partition(":")[0] for spec in specs} <= {*FIXED, RECOMMENDED}:
        must = f"be left out, or --sampler be one that learns from codes now (not {', '.join(FIXED)} or {RECOMMENDED})"
        raise ParameterError("eps_factor", must, eps_factor)
    if run.config["model"]["kind"] == "ae":
        with_noise_factor(None, eps_factor)
