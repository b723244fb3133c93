"""What ``zscope sample --ladder`` does: every sampler scored, what matters in words, and the best one kept."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from zscope import __version__
from zscope.clouds import Cloud, cloud
from zscope.clouds.base import posterior_draws
from zscope.clouds.conditional import ConditionalCloud
from zscope.errors import CodesError, FormatError, ParameterError
from zscope.generation.ladder import (
    LADDER,
    LEAST,
    MOST_DECODED,
    Scorer,
    noise_images,
    training_reconstructions,
    where_codes_are_meaningful,
)
from zscope.generation.ladder_words import further_words, ladder_words, recommend, scored
from zscope.generation.meaning import Surroundings
from zscope.generation.sampling import PRIOR, fitted, with_noise_factor, with_prior
from zscope.generation.steps import DECODED, steps_of
from zscope.judging import Judge, judge_folder, judge_for
from zscope.models.autoencoder import Autoencoder
from zscope.runs.ladders import (
    SAMPLER,
    Rung,
    labelled_sampler,
    read_ladder,
    read_rung,
    write_ladder,
    write_rung,
)
from zscope.runs.latents import Latents
from zscope.runs.run import Run
from zscope.runs.samplers import sampler_about, save_sampler
from zscope.runs.store import ImageStore
from zscope.study.encode import model_hash, open_store
from zscope.study.sample import fitted_to_labels, label_values, prior_of
from zscope.training.devices import resolve_device
from zscope.typing import CodeArray, ImageArray, Json, JsonDict, Progress, silent

REFERENCES = {
    "noise": ("noise", "noise images"),
    "held_out": ("held-out", "held-out images"),
    "reconstructions": ("reconstructions", "their reconstructions"),
}
"""By what scores are read: the floor and two ceilings; key in ``ladder.json``, folder, and words."""


SCORING = 3
"""Version of how rungs are drawn and scored: rungs of another one are scored again."""

FITTED_BY = ("sampler", "scoring", "model", "data", "precision", "codes", "fitted_to", "eps_factor")
"""What a kept sampler depends on; a labelled one that differs from the ladder beside it is removed."""

USUAL = 1000
"""Images a rung, unless said otherwise."""


@dataclass(frozen=True)
class LadderSettings:
    """What is asked of a ladder.

    Attributes
    ----------
    samplers : tuple of str
        Clouds by their texts.
    n : int or None
        Images a rung, at least `LEAST`; None: `USUAL`, or as many as there are held-out images where these are fewer,
        since the scores of few images cannot be read by those of more.
    seed : int
        Seed of the draws.
    label : str or None
        Column of the labels by whose values the recommended sampler is fitted a second time, each value on its own.
    """

    samplers: tuple[str, ...] = LADDER
    n: int | None = None
    seed: int = 0
    label: str | None = None

    def check(self) -> None:
        """Check what can be checked before any work is done; `ParameterError` names what is wrong."""
        if self.n is not None and self.n < LEAST:
            raise ParameterError("n", f"be at least {LEAST} for a ladder", self.n)
        if not self.samplers:
            raise ParameterError("samplers", "be at least one", "none")
        for spec in self.samplers:
            cloud(spec)


@dataclass(frozen=True)
class _Ground:
    """A run made ready for its ladder."""

    folder: Path
    model: Autoencoder
    codes: CodeArray
    logvar: CodeArray | None
    held_out: ImageArray
    scorer: Scorer
    about: JsonDict
    force: bool


def ladder_run(
    run: Run,
    latents: Latents,
    settings: LadderSettings,
    *,
    folder: Path | None = None,
    device: str = "auto",
    force: bool = False,
    progress: Progress = silent,
    log: Callable[[str], None] = print,
) -> JsonDict:
    """Score every sampler of the ladder, say what matters, and keep the recommended sampler with the run.

    Clouds are fitted to all training codes. Rungs that were scored before with the same settings are taken over, so an
    interrupted ladder goes on where it stopped.

    Parameters
    ----------
    run : Run
        A finished run.
    latents : Latents
        Its codes.
    settings : LadderSettings
        What is asked.
    folder : Path, optional
        Where ``ladder.json``, ``ladder/`` and the sampler go; by default the run.
    device : str
        Where to decode.
    force : bool
        Score every rung again.
    progress, log
        Told of rungs, and of lines for people.

    Returns
    -------
    dict
        What ``ladder.json`` holds.

    Raises
    ------
    CodesError
        The run has too few held-out images to judge by, or no sampler can be fitted.
    ParameterError
        A setting is out of bounds.
    """
    settings.check()
    if settings.label is not None:
        label_values(latents, settings.label)
    ground = _ground(run, latents, settings, folder or run.path, device, force, progress, log)
    references = _references(ground, settings, progress)
    rungs: dict[str, Rung] = {}
    clouds: dict[str, Cloud] = {}
    left_out: list[Json] = []
    specs = list(dict.fromkeys(cloud(spec).spec for spec in with_prior(settings.samplers, prior_of(run))))
    specs += _scored_before(ground, specs)
    if settings.label is not None and PRIOR in specs:
        specs.remove(PRIOR)
        why = "it knows of no label, and the sampler that is kept should"
        log(f"{PRIOR} is left out: {why}")
        left_out.append({"sampler": PRIOR, "why": why})
    for place, spec in enumerate(specs):
        progress(f"ladder: {spec}", place, len(specs))
        try:
            rung, item = _rung(ground, spec)
        except CodesError as error:
            log(f"{spec} is left out: {error}")
            left_out.append({"sampler": spec, "why": str(error)})
            continue
        rungs[spec] = rung
        if item is not None:
            clouds[spec] = item
        log(_line(rung, fresh=item is not None))
    progress("ladder: done", len(specs), len(specs))
    if not rungs:
        raise CodesError(f"{run.path}: none of the samplers can be fitted to its {len(ground.codes):,} codes")
    content = _content(ground, rungs, references, left_out)
    kept = _kept(ground, latents, settings, content["recommended"], clouds)
    _write(ground, content, kept, log)
    return read_ladder(ground.folder / "ladder.json")


def judge_of(
    run: Run,
    latents: Latents,
    store: ImageStore,
    *,
    device: str = "auto",
    progress: Progress = silent,
    log: Callable[[str], None] = print,
) -> Judge:
    """Train the judge of a run's images, or open it: it learns from training images, and held-out ones set its scale.

    Parameters
    ----------
    run : Run
        The run.
    latents : Latents
        Its codes; they say which images are held out.
    store : ImageStore
        Its images; the judge is kept in their folder.
    device : str
        Where to train.
    progress, log
        Told of the training, and of lines for people.

    Raises
    ------
    CodesError
        Too few images are held out.
    """
    held_out = latents.split("held-out")
    if len(held_out) < LEAST:
        raise CodesError(f"{run.path}: a judge needs at least {LEAST} held-out images, and the run has {len(held_out)}")
    # All images of the store, whatever the run's limit: runs on one store share one judge.
    return judge_for(
        store,
        store.indices("train"),
        store.indices("held-out"),
        cache=judge_folder(store),
        device=device,
        progress=progress,
        log=log,
    )


def _ground(
    run: Run,
    latents: Latents,
    settings: LadderSettings,
    folder: Path,
    device: str,
    force: bool,
    progress: Progress,
    log: Callable[[str], None],
) -> _Ground:
    store = open_store(run)
    model = Autoencoder.from_pretrained(run.path, device=resolve_device(device))
    judge = judge_of(run, latents, store, device=device, progress=progress, log=log)
    train, held_out = latents.split("train"), latents.split("held-out")
    n = min(USUAL, len(held_out)) if settings.n is None else settings.n
    if n > len(held_out):
        must = f"be at most {len(held_out):,}, the held-out images by which scores are read: those of more are no match"
        raise ParameterError("n", must, n)
    if len(held_out) < USUAL:
        log(f"{n:,} images a sampler; {len(held_out):,} images are held out, by whose scores theirs are read")
    shown = np.sort(np.random.default_rng(settings.seed).permutation(held_out)[:n])
    images: ImageArray = np.asarray(store.images[store.selection(run.data["limit"])[shown]])
    codes = latents.mean(train)
    logvar = with_noise_factor(latents.logvar(train), model.eps_factor) if latents.manifest["logvar"] else None
    drawn = codes if logvar is None else posterior_draws(codes, logvar)

    def encode(images: ImageArray) -> CodeArray:
        parts = [model.encode(images[start : start + 512]).mean.cpu().numpy() for start in range(0, len(images), 512)]
        return np.concatenate(parts)

    folder.mkdir(parents=True, exist_ok=True)
    if len(codes) > MOST_DECODED:
        log(f"FD to reconstructions: a fixed choice of {MOST_DECODED:,} of {len(codes):,} training codes is decoded")
    decoded = training_reconstructions(model.decode_all, drawn)
    judge = judge.with_reconstructions(model.decode_all(encode(images)), decoded)
    return _Ground(
        folder,
        model,
        codes,
        logvar,
        images,
        Scorer(
            judge,
            model.decode_all,
            encode,
            Surroundings(drawn),
            n,
            settings.seed,
        ),
        {
            "zscope": __version__,
            "scoring": SCORING,
            "model": model_hash(run),
            "data": store.hash,
            "precision": latents.manifest["precision"],
            "judge": float(judge.threshold),
            "codes": len(codes),
            "n": n,
            "seed": settings.seed,
            **({} if logvar is None else {"fitted_to": "posterior draws", "eps_factor": model.eps_factor}),
        },
        force,
    )


def _scored_before(ground: _Ground, specs: list[str]) -> list[str]:
    """Name the rungs of the ladder that is there, of the same settings: they stay, though they were not named now."""
    if ground.force:
        return []
    before = [str(entry["sampler"]) for entry in read_ladder(ground.folder / "ladder.json").get("rungs", [])]
    return [
        spec
        for spec in before
        if spec not in specs and read_rung(ground.folder / "ladder", spec, ground.about) is not None
    ]


def _rung(ground: _Ground, spec: str) -> tuple[Rung, Cloud | None]:
    """Read a rung that was scored before, or fit its cloud and score it; the cloud only if it was fitted now."""
    place = ground.folder / "ladder"
    before = None if ground.force else read_rung(place, spec, ground.about)
    if before is not None:
        return before, None
    item = _fitted(ground, spec)
    # A cloud that chooses its figure (mixture) has another text once it is fitted; the rung goes by the one asked for.
    rung = ground.scorer.cloud(spec, item)
    write_rung(place, rung, ground.about)
    return rung, item


def _fitted(ground: _Ground, spec: str) -> Cloud:
    return fitted(spec, ground.codes, ground.logvar, ground.model.prior_components)


def _references(ground: _Ground, settings: LadderSettings, progress: Progress) -> dict[str, Rung]:
    """Score noise, held-out images and their reconstructions, or read what was scored before."""
    found = {}
    for place, (key, (name, words)) in enumerate(REFERENCES.items()):
        progress(f"references: {words}", place, len(REFERENCES))
        before = None if ground.force else read_rung(ground.folder / "ladder", name, ground.about)
        if before is None:
            codes = None
            if key == "noise":
                rng = np.random.default_rng(settings.seed)
                images = noise_images(ground.scorer.n, ground.held_out.shape[1:], rng)
            elif key == "held_out":
                images = ground.held_out
            else:
                means = ground.scorer.encode(ground.held_out)
                images = ground.model.decode_all(means)
                # Of a VAE the means are no such codes as samplers draw, and lie elsewhere.
                codes = means if ground.logvar is None else None
            before = ground.scorer.rung(name, words, "", images, codes)
            write_rung(ground.folder / "ladder", before, ground.about)
        found[key] = before
    return found


def _content(
    ground: _Ground,
    rungs: dict[str, Rung],
    references: dict[str, Rung],
    left_out: list[Json],
) -> JsonDict:
    entries = [rung.as_json() for rung in rungs.values()]
    reference = {name: references[name].scores for name in ("held_out", "reconstructions")}
    steps = steps_of(entries, reference["reconstructions"])
    decoded = steps_of(entries, reference["reconstructions"], DECODED)
    chosen, why = recommend(entries, reference, redrawn=ground.logvar is None)
    return {
        "n": ground.scorer.n,
        "n_references": len(ground.held_out),
        "codes": len(ground.codes),
        "n_decoded": min(len(ground.codes), MOST_DECODED),
        "rungs": cast(Json, entries),
        "left_out": left_out,
        "reference": {key: rung.scores for key, rung in references.items()},
        "steps": [step.as_json() for step in steps],
        "steps_by_reconstructions": [step.as_json() for step in decoded],
        "says": ladder_words(entries, steps, {key: rung.scores for key, rung in references.items()}, chosen, decoded),
        "more": further_words(steps, decoded),
        "recommended": chosen,
        "why": why,
        **where_codes_are_meaningful(rungs),
        "about": ground.about,
    }


def _kept(
    ground: _Ground, latents: Latents, settings: LadderSettings, chosen: Json, clouds: dict[str, Cloud]
) -> dict[str, tuple[Cloud | ConditionalCloud, JsonDict]]:
    """Fit the recommended sampler, and with a label one that draws each of its values; by the name of their file."""
    if not isinstance(chosen, str):
        return {}
    about: JsonDict = {**ground.about, "sampler": chosen}
    item = clouds[chosen] if chosen in clouds else _fitted(ground, chosen)
    kept: dict[str, tuple[Cloud | ConditionalCloud, JsonDict]] = {SAMPLER: (item, about)}
    if settings.label is not None:
        values = label_values(latents, settings.label)[latents.split("train")]
        conditional = fitted_to_labels(chosen, ground.codes, ground.logvar, values)
        kept[labelled_sampler(settings.label)] = conditional, {**about, "label": settings.label}
    return kept


def _write(
    ground: _Ground,
    content: JsonDict,
    kept: dict[str, tuple[Cloud | ConditionalCloud, JsonDict]],
    log: Callable[[str], None],
) -> None:
    """Write ladder and samplers, and remove labelled samplers that are not of this ladder."""
    chosen = content["recommended"]
    before = _labelled_before(ground, kept)
    stale = [path for path, about in before.items() if not _of_this_ladder(about, ground, chosen)]
    content["saved"] = [*kept, *(path.name for path in before if path not in stale)]
    # The old samplers go first and the new one comes last: no sampler ever stands beside the ladder of another.
    (ground.folder / SAMPLER).unlink(missing_ok=True)
    for old in stale:
        old.unlink()
        log(f"{old} is removed: it was of another ladder; --ladder --label {before[old]['label']} makes a new one")
    write_ladder(ground.folder / "ladder.json", content)
    for name, (sampler, about) in kept.items():
        save_sampler(ground.folder / name, sampler, about)
        log(f"{chosen} is kept as {ground.folder / name}")


def _labelled_before(ground: _Ground, kept: Collection[str]) -> dict[Path, JsonDict]:
    """Find samplers of labels that are kept and not made now, and what they say of themselves."""
    found = {}
    for path in sorted(ground.folder.glob("sampler-*.safetensors")):
        try:
            about = {} if path.name in kept else sampler_about(path)
        except FormatError:
            continue  # not a file that can be drawn from: it is left to whoever put it there
        if "label" in about:
            found[path] = about
    return found


def _of_this_ladder(about: JsonDict, ground: _Ground, chosen: Json) -> bool:
    """Whether a sampler is of the recommended kind, and fitted to these codes as it would be fitted now."""
    now = {**ground.about, "sampler": chosen}
    return all(about.get(key) == now.get(key) for key in FITTED_BY)


def _line(rung: Rung, *, fresh: bool) -> str:
    scores = cast(dict[str, Any], rung.scores)
    decoded, meaningful = scores.get(DECODED), scores.get("meaningful")
    to = "" if decoded is None else f", to reconstructions {scored(decoded)}"
    share = "" if meaningful is None else f", meaningful {100 * meaningful['value']:.3g} %"
    return f"{rung.sampler}: FD {scored(scores['fd'])}{to}{share}{'' if fresh else ' (scored before)'}"
