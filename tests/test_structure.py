"""What holds for the whole package: exported names, lengths of modules, versions."""

import importlib
import re
import tomllib
from pathlib import Path

import pytest

import zscope

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "src" / "zscope").rglob("*.py"))

EXPORTED = {
    "clouds": """
        AxesCloud AxesEmpiricalCloud CLOUDS Cloud CopulaCloud CovarianceCloud DensityCloud EllipsoidCloud
        EllipticalCloud FlowCloud KdeCloud MixtureCloud NeighboursCloud NormalCloud PermutedCloud PosteriorCloud
        PriorCloud RadiusCloud SecondStageCloud UniformCloud checked_codes cloud restored
    """,
    "measures": """
        ActivityMeasure AxesMeasure ClustersMeasure DimensionMeasure DivergenceMeasure InertiaMeasure LatentCodes
        LogVarianceMeasure MEASURES Measure Measurement NormalityMeasure PlanesMeasure PrincipalComponentsMeasure
        PriorMeasure RadiusMeasure RadiusMoments TsneMeasure VoidMeasure predicted_radius radii
    """,
    "nulls": "BATTERIES Battery CLAIMS Claim NullTest Outcome Verdict judge run_batteries",
    "runs": "ImageStore Latents Run StoreWriter find_runs write_latents",
    "data": "ImagePolicy SOURCES Source open_source prepare",
    "models": """
        Autoencoder CORRUPTIONS Corruption LIKELIHOODS Layer Likelihood Losses ModelConfig PRESETS PRIORS Posterior
        Preset PriorChoice REGULARISERS Regulariser SCHEDULES Schedule beta_of iwae_bound preset
    """,
    "training": """
        Position Trainer TrainingConfig encode_store load_checkpoint read_checkpoint resolve_device resolve_precision
        save_checkpoint
    """,
    "judging": """
        Judge Recipe Score Scores chance_accuracy code_spread cycle_errors expected_coverage frechet_distance
        judge_folder judge_for membership nearest_code_distances precision_and_recall two_sample_hits
    """,
    "generation": "DEFAULT_CLOUDS sample_clouds",
}


@pytest.mark.parametrize("room", EXPORTED)
def test_exported_names(room):
    """A name that users import does not come or go unnoticed: change this list with it, and the changelog."""
    module = importlib.import_module(f"zscope.{room}")
    assert sorted(module.__all__) == sorted(EXPORTED[room].split())
    for name in module.__all__:
        assert getattr(module, name) is not None


@pytest.mark.parametrize("module", MODULES, ids=[str(path.relative_to(ROOT / "src")) for path in MODULES])
def test_a_module_has_one_subject(module):
    assert len(module.read_text(encoding="utf-8").splitlines()) <= 450


def test_nothing_is_left_to_do():
    for module in MODULES:
        assert not re.search(r"\b(TODO|FIXME|XXX)\b", module.read_text(encoding="utf-8")), module


def test_version_is_in_the_changelog_and_the_citation():
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## \[{re.escape(zscope.__version__)}\]", changelog, re.MULTILINE)
    assert f"\nversion: {zscope.__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")


def test_every_package_of_the_project_is_pinned():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    names = [normal(pin.partition("==")[0]) for pin in pins]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", pin) for pin in pins)
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")

    content = tomllib.loads(project)
    wanted = [
        *content["build-system"]["requires"],
        *content["project"]["dependencies"],
        *(name for extra in content["project"]["optional-dependencies"].values() for name in extra),
    ]
    for requirement in wanted:
        assert normal(re.match(r"[A-Za-z0-9._-]+", requirement).group()) in names, requirement


def normal(name):
    """Write a package's name as the packaging standard normalises it."""
    return re.sub(r"[-_.]+", "-", name).lower()
