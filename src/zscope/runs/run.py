"""The run folder: one trained model with all that was made from it."""

import hashlib
import json
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self, cast

from zscope.errors import ExistsError, FormatError
from zscope.runs.formats import check_keys, has_format, read_json, versions, write_json
from zscope.typing import Json, JsonDict

FORMAT, VERSION = "zscope-run", 1

KEYS = {"source": str, "config": dict, "data": dict, "hash": str, "state": str}
LINE_KEYS = {"step": int, "epoch": int, "split": str, "total": float, "reconstruction": float, "kl": float}

STATES = ("training", "interrupted", "finished")
"""What a run can be in; only a finished one is measured and compared."""


class Run:
    """A run folder on disk; the only reader and writer of ``run.json`` and ``metrics.jsonl``.

    Attributes
    ----------
    path : Path
        The folder.
    manifest : dict
        What ``run.json`` holds: ``source``, ``config``, ``data``, ``hash``, ``seed``, ``state``, ``versions`` …
    """

    def __init__(self, path: Path, manifest: JsonDict) -> None:
        self.path = path
        self.manifest = manifest

    @classmethod
    def create(cls, path: Path, *, source: str, config: JsonDict, data: JsonDict, seed: int, force: bool) -> Self:
        """Start a new run folder.

        Parameters
        ----------
        path : Path
            The folder; it must not exist unless `force`.
        source : str
            Where the images come from, as the user wrote it.
        config : dict
            The resolved model and training configuration: all that decides what comes out.
        data : dict
            The image store: ``store``, ``hash``, ``count``, ``limit``, ``train``, ``held_out``.
        seed : int
            Seed of the training.
        force : bool
            Replace a run folder that exists.

        Raises
        ------
        ExistsError
            The folder exists and `force` is off, or it is not a run folder.
        """
        if path.exists():
            if not force:
                raise ExistsError(f"{path} exists; use --resume to continue it or --force to replace it")
            if not has_format(path / "run.json", FORMAT) and any(path.iterdir()):
                raise ExistsError(f"{path} exists and is no run folder; it is left alone even with --force")
            shutil.rmtree(path)
        path.mkdir(parents=True)
        manifest: JsonDict = {
            "source": source,
            "config": config,
            "data": data,
            "hash": config_hash(config, str(data["hash"])),
            "seed": seed,
            "state": "training",
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "versions": cast(JsonDict, versions()),
        }
        run = cls(path, manifest)
        run.save()
        return run

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Open a run folder; `FormatError` where there is none, or its ``run.json`` lacks a part."""
        path = Path(path)
        if not (path / "run.json").exists():
            what = "is no run folder (it holds no run.json)" if path.exists() else "does not exist"
            raise FormatError(f"{path} {what}")
        run = cls(path, read_json(path / "run.json", FORMAT, VERSION, KEYS))
        place = f"{path / 'run.json'}:"
        check_keys(f"{place} config", run.config, {"model": dict, "training": dict})
        check_keys(f"{place} config.model", run.config["model"], {"kind": str, "shape": list, "beta": float})
        check_keys(f"{place} data", run.data, {"hash": str})
        return run

    def save(self, **changes: Json) -> None:
        """Write ``run.json``, with some entries changed."""
        self.manifest.update(changes)
        content = {key: value for key, value in self.manifest.items() if key not in ("format", "version")}
        write_json(self.path / "run.json", FORMAT, VERSION, content)

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.resolve().name

    @property
    def config(self) -> dict[str, Any]:
        """The resolved configuration: ``model`` and ``training``."""
        return cast(dict[str, Any], self.manifest["config"])

    @property
    def data(self) -> dict[str, Any]:
        """What is known of the images."""
        return cast(dict[str, Any], self.manifest["data"])

    @property
    def state(self) -> str:
        """One of `STATES`."""
        return str(self.manifest["state"])

    @property
    def label(self) -> str:
        """What kind of model it is, for people: ``AE``, ``VAE, fact 1e-05 (beta 3e-05)``, ``VAE, beta 1, free-bits``.

        Parts of the objective that are not the usual ones stand behind the weight.
        """
        model = self.config["model"]
        parts = [item["name"] for item in model.get("regularisers", [])]
        parts += [f"{key} {model[key]['name']}" for key in ("schedule", "corruption", "prior") if key in model]
        if (likelihood := model.get("likelihood", "bernoulli")) != "bernoulli":
            parts.append(likelihood)
        if model["kind"] == "ae":
            return ", ".join(["AE", *parts])
        channels, beta = model["shape"][2], model["beta"]
        weight = f"beta {beta:g}" if channels == 1 else f"fact {beta / channels:g} (beta {beta:g})"
        return ", ".join(["VAE", weight, *parts])

    @property
    def latents(self) -> Path:
        """Folder of the codes."""
        return self.path / "latents"

    def append_metrics(self, record: Mapping[str, Json]) -> None:
        """Add one line to ``metrics.jsonl``."""
        with (self.path / "metrics.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")

    def metrics(self) -> list[dict[str, Any]]:
        """Every line of ``metrics.jsonl``; one that a crash cut short or that lacks a loss is an error that says so."""
        path = self.path / "metrics.jsonl"
        if not path.exists():
            return []
        records: list[dict[str, Any]] = []
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            try:
                records.append(json.loads(line))
            except json.JSONDecodeError:
                raise FormatError(f"{path}: line {number} is not JSON") from None
            check_keys(f"{path}: line {number}", records[-1], LINE_KEYS)
        return records

    def truncate_metrics(self, lines: int) -> None:
        """Keep the first `lines` lines: what was logged after a checkpoint is logged anew when it is resumed."""
        path = self.path / "metrics.jsonl"
        kept = path.read_text(encoding="utf-8").splitlines()[:lines] if path.exists() else []
        path.write_text("".join(line + "\n" for line in kept), encoding="utf-8")


def config_hash(config: Mapping[str, Json], data_hash: str) -> str:
    """Hash of a resolved configuration and its data: equal hashes promise equal runs on one machine."""
    canonical = json.dumps({"config": config, "data": data_hash}, sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def find_runs(folder: Path) -> tuple[list[Run], dict[str, FormatError]]:
    """Find every run folder directly in `folder` or one level below it.

    Returns
    -------
    runs : list of Run
        By name.
    damaged : dict of str to FormatError
        Folders whose ``run.json`` cannot be read, and why.
    """
    runs: list[Run] = []
    damaged: dict[str, FormatError] = {}
    for path in (path.parent for depth in ("*", "*/*") for path in sorted(folder.glob(f"{depth}/run.json"))):
        try:
            runs.append(Run.open(path))
        except FormatError as error:
            damaged[str(path)] = error
    return runs, damaged
