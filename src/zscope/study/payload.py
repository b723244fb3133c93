"""The payload: the one object that report, explorer and ``--json`` show. Whoever shows it computes nothing."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from zscope.typing import ImageArray, JsonDict

if TYPE_CHECKING:
    from zscope.study.alike import NotCompared, RunsAlike
    from zscope.study.sweep import Sweep

GIVEN = "given"
"""Key of the only split of codes that no model of ours made."""


@dataclass(frozen=True)
class SplitPayload:
    """What was measured on the training or on the held-out codes of a run.

    Attributes
    ----------
    name : str
        ``train`` or ``held-out``.
    n, d : int
        Number of codes and of latent dimensions.
    values : dict of str to dict
        Each measure's values by the measure's name (see the measure's docstring).
    tests : dict of str to list of dict
        Null tests by measure: ``statistic``, ``value``, ``null``, ``null_mean``, ``null_sd``, ``draws``, ``p``,
        ``effect``, ``band``.
    verdicts : dict of str to dict
        Verdicts by measure: ``claim``, ``holds`` (true, false or None), ``strength``, ``says``, ``advice``.
    skipped : dict of str to str
        Measures that do not apply, and why.
    points : dict of str to ndarray of shape (n,)
        Columns of the points: labels (any type) and floats such as ``radius``, ``pc1``, ``tsne.standard.x``.
    null_points : dict of str to ndarray
        The same planes and the standard map of one draw of the ``covariance`` null.
    lineup : dict of str to ndarray
        The codes' densest window hidden among null ones: ``panel``, ``x``, ``y``, and ``codes``, true in the codes' own
        panel; empty where there is none.
    """

    name: str
    n: int
    d: int
    values: dict[str, dict[str, Any]]
    tests: dict[str, list[dict[str, Any]]]
    verdicts: dict[str, dict[str, Any]]
    skipped: dict[str, str]
    points: dict[str, np.ndarray]
    null_points: dict[str, np.ndarray] = field(default_factory=dict)
    lineup: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class SamplePayload:
    """Images decoded from codes that a cloud drew.

    Attributes
    ----------
    spec, label, keeps : str
        The cloud as the user names it (``uniform:2``), in words, and what of the data it keeps.
    images : ndarray of shape (n, H, W, C), uint8
        The decoded images.
    """

    spec: str
    label: str
    keeps: str
    images: ImageArray


@dataclass(frozen=True)
class LadderPayload:
    """Samplers of a run, scored.

    Attributes
    ----------
    content : dict
        What ``ladder.json`` holds.
    images : dict of str to ndarray of shape (n, H, W, C), uint8
        Some images of each sampler by its text, and of the references ``held_out``, ``reconstructions`` and ``noise``.
    """

    content: dict[str, Any]
    images: dict[str, ImageArray]


@dataclass(frozen=True)
class RunPayload:
    """One run, or codes that were measured without one, read from a folder.

    Attributes
    ----------
    name, label, path : str
        Folder name, kind of model in words, and the folder. Of codes without a model: the file's name, twice.
    manifest : dict
        ``run.json``: source, config (model, training), data, seed, versions, hash, parameters. Of codes without a model
        ``codes.json``: file, n, d, dropped, labels, group, versions.
    history : list of dict
        ``metrics.jsonl``: step, epoch, split, total, reconstruction, kl (nats per image), seconds.
    originals, reconstructions : ndarray of shape (n, H, W, C), uint8
        Held-out images (training images where nothing is held out) and what the model makes of them; empty where the
        run was not sampled.
    samples : tuple of SamplePayload
        One entry a cloud.
    splits : dict of str to SplitPayload
        ``train`` first, then ``held-out``; empty where the run was not measured. Codes without a model have one.
    label_column : str or None
        The label that colours the maps.
    ladder : LadderPayload or None
        The samplers of the run, scored; None where they were not.
    """

    name: str
    label: str
    path: str
    manifest: dict[str, Any]
    history: list[dict[str, Any]]
    originals: ImageArray
    reconstructions: ImageArray
    samples: tuple[SamplePayload, ...]
    splits: dict[str, SplitPayload]
    label_column: str | None
    ladder: LadderPayload | None = None

    @property
    def trained(self) -> bool:
        """Whether this is a run of a model, and not codes alone."""
        return "config" in self.manifest

    @property
    def kind(self) -> str | None:
        """``ae`` or ``vae``; None of codes alone."""
        return str(self.manifest["config"]["model"]["kind"]) if self.trained else None

    @property
    def first(self) -> SplitPayload | None:
        """The codes that findings are about: training codes, or the only ones; None where nothing was measured."""
        return next(iter(self.splits.values()), None)


@dataclass(frozen=True)
class Finding:
    """One sentence of what was found, with the figure it rests on inside.

    Attributes
    ----------
    says : str
        The sentence.
    advice : str or None
        What to do, where it has a consequence.
    run : str or None
        The run it is about; None for the study as a whole.
    claim : str or None
        The claim that was decided; None where nothing was.
    holds : bool or None
        What was decided.
    strength : str
        ``clear``, ``narrow``, ``undecided``, ``not testable`` or ``descriptive``.
    figure : str or None
        The figure that shows it.
    """

    says: str
    advice: str | None = None
    run: str | None = None
    claim: str | None = None
    holds: bool | None = None
    strength: str = "descriptive"
    figure: str | None = None


@dataclass(frozen=True)
class Comparison:
    """Runs side by side: one row a figure, one column a run.

    Attributes
    ----------
    columns : tuple of str
        Names of the runs.
    rows : tuple of (str, str, tuple of float or None)
        Figure in words, its unit, and its value for each run.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, str, tuple[float | None, ...]], ...]


@dataclass(frozen=True)
class StudyPayload:
    """Several runs, compared; a single run is a study of one.

    Attributes
    ----------
    name : str
        Title of the report.
    runs : tuple of RunPayload
        In the order of the study file.
    findings : tuple of Finding
        What was found, in words, the most consequential first.
    comparison : Comparison
        The table of runs.
    study_file : str or None
        Text of the study's YAML file.
    command : str or None
        The command that made it.
    created : str
        When, ISO 8601.
    alike : RunsAlike, NotCompared or None
        How alike the spaces of the runs are, or why that is not known; None where nobody asked.
    sweep : Sweep or None
        What runs of several KL weights or seeds found; None where there are none.
    """

    name: str
    runs: tuple[RunPayload, ...]
    findings: tuple[Finding, ...]
    comparison: Comparison
    study_file: str | None
    command: str | None
    created: str
    alike: "RunsAlike | NotCompared | None" = None
    sweep: "Sweep | None" = None

    def as_json(self) -> JsonDict:
        """Give the payload without its arrays, for ``--json``."""
        return {
            "name": self.name,
            "created": self.created,
            "findings": [vars(finding) for finding in self.findings],
            "comparison": {
                "columns": list(self.comparison.columns),
                "rows": [
                    {"figure": figure, "unit": unit, "values": list(values)}
                    for figure, unit, values in self.comparison.rows
                ],
            },
            "alike": None if self.alike is None else self.alike.as_json(),
            "sweep": None if self.sweep is None else self.sweep.as_json(),
            "runs": [
                {
                    "name": run.name,
                    "label": run.label,
                    "path": run.path,
                    "verdicts": {name: dict(split.verdicts) for name, split in run.splits.items()},
                }
                for run in self.runs
            ],
        }
