from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from zscope.errors import ParameterError
from zscope.figures import FIGURES
from zscope.nulls import CLAIMS
from zscope.study.findings import CONSEQUENCE, FIGURE_OF, compare_runs, findings_of, prior_radius
from zscope.study.naming import run_name
from zscope.study.payload import RunPayload, SplitPayload
from zscope.study.request import TrainRequest


def losses(split, reconstruction, kl=0.0):
    return {"split": split, "epoch": 1, "total": 0.0, "reconstruction": reconstruction, "kl": kl, "seconds": 1.0}


def payload(kind="ae", *, name="one", d=16, values=None, history=()):
    """A run of which only what findings read is there."""
    none = np.empty((0, 8, 8, 1), np.uint8)
    split = SplitPayload("train", 1000, d, values or {}, {}, {}, {}, {})
    manifest = {"config": {"model": {"kind": kind, "z_dim": d}}}
    return RunPayload(name, kind.upper(), name, manifest, list(history), none, none, (), {"train": split}, None)


def decided(claim, holds, strength="clear"):
    return {"claim": claim, "holds": holds, "strength": strength, "says": f"{claim} {holds}.", "advice": None}


def judged(name="one", **verdicts):
    """A run with verdicts by measure; no radius, so that these are all that is found."""
    run = payload(name=name)
    return replace(run, splits={"train": replace(run.splits["train"], values={"axes": {}}, verdicts=verdicts)})


def says(run):
    return [finding.says for finding in findings_of([run])]


def test_codes_of_an_ae_against_the_prior():
    run = payload(d=256, values={"radius": {"mean": 20.0, "sd": 2.0}})
    assert says(run) == [
        "The codes of one lie at radius 20 ± 2 (n = 1,000); draws from N(0, I) in 256 dimensions at 15.98, "
        "2.0 standard deviations of the former further in."
    ]


def test_a_vae_is_held_to_the_prior_by_draws_of_its_posteriors():
    # Means of a VAE that meets its prior lie at half the radius: it is all posteriors together that the prior matches.
    drawn = {"mean": prior_radius(256), "sd": 0.7}
    run = payload("vae", d=256, values={"radius": {"mean": 8.0, "sd": 0.6}, "logvar": {"radius_of_draw": drawn}})
    assert says(run) == [
        "Draws of the posteriors of one lie at radius 15.98 ± 0.7 (n = 1,000); draws from N(0, I) in 256 dimensions at "
        "15.98, as far out."
    ]
    quiet = payload("vae", values={"logvar": {"factor": 0.5, "radius_of_draw": drawn}})
    assert "posteriors of one, their noise times 0.5, lie at" in says(quiet)[0]
    assert says(payload("vae", values={"radius": {"mean": 8.0, "sd": 0.6}})) == []
    assert says(payload("vae", values={"logvar": {"radius_of_draw": {"mean": None, "sd": None}}})) == []


@pytest.mark.parametrize("mean", [0.0, 4.0])
@pytest.mark.parametrize("spread", [0.0, 1e-9])
def test_codes_that_lie_at_one_radius_have_no_standard_deviation_to_count_in(mean, spread):
    run = payload(d=1, values={"radius": {"mean": mean, "sd": spread * mean}})
    assert says(run)[0].endswith("draws from N(0, I) in 1 dimension at 0.7979.")


def test_losses_of_all_runs_are_of_one_split():
    both = payload(name="both", history=[losses("train", 70.0), losses("held-out", 80.0)])
    other = payload("vae", name="other", history=[losses("train", 71.0, 9.0), losses("held-out", 81.0, 8.0)])
    only = payload("vae", name="only", history=[losses("train", 75.0, 4.5)])
    assert findings_of([both, only])[0].says == (
        "Reconstruction of training images, in nats per image: both (AE) 70.0; only (VAE) 75.0 with a KL of 4.5."
    )
    assert findings_of([both, other])[0].says == (
        "Reconstruction of held-out images, in nats per image: both (AE) 80.0; other (VAE) 81.0 with a KL of 8."
    )
    assert findings_of([both, other, payload(name="untrained")])[0].says.startswith("Reconstruction of held-out")
    assert findings_of([both, payload(name="untrained")]) == ()
    other.manifest["config"]["model"]["likelihood"] = "gaussian"
    assert findings_of([both, other])[0].says.endswith(
        "8. Losses are of different likelihoods (bernoulli, gaussian) and cannot be held against each other."
    )


def test_what_has_consequences_comes_first_whatever_the_order_of_runs_and_measures():
    one = judged(
        radius=decided("radius_explained", True),
        voids=decided("voids", None, "undecided"),
        activity=decided("collapsed_axes", False, "descriptive"),
        axes=decided("dominating_axes", True, "descriptive"),
        clusters=decided("clusters", False),
    )
    other = judged(
        "two",
        radius=decided("radius_explained", False),
        clusters=decided("clusters", True),
        prior=decided("prior_match", None, "not testable"),
        dimension=decided("low_dimensional", None, "not testable"),
    )
    assert [finding.says for finding in findings_of([one, other])] == [
        "clusters True.",
        "radius_explained False.",
        "dominating_axes True.",
        "collapsed_axes False.",
        "clusters False.",
        "radius_explained True.",
        "voids None.",
        "Of two 2 claims could not be tested: prior match, low dimensional. The verdicts say why.",
    ]


def test_the_same_claim_of_all_runs_stands_together():
    verdicts = {
        "radius": decided("radius_explained", False),
        "voids": decided("voids", True),
        "prior": decided("prior_match", False),
    }
    runs = [judged(name, **verdicts) for name in ("a", "b")]
    assert [(finding.claim, finding.run) for finding in findings_of(runs)] == [
        (claim, name) for claim in ("prior_match", "voids", "radius_explained") for name in ("a", "b")
    ]
    assert set(CLAIMS) - set(CONSEQUENCE) == {"same_space"}  # which is about runs together


def test_a_finding_points_to_a_figure_that_its_run_has():
    found = findings_of([judged(normality=decided("multivariate_normal", False), tsne=decided("map_structure", True))])
    assert [(finding.claim, finding.figure) for finding in found] == [
        ("multivariate_normal", "axes"),
        ("map_structure", None),
    ]
    assert set(FIGURE_OF) <= {claim.measure for claim in CLAIMS.values()}
    assert set(FIGURE_OF.values()) <= set(FIGURES)


def test_codes_without_a_model():
    run = payload(d=4, values={"radius": {"mean": 2.0, "sd": 0.5}})
    alone = replace(run, label="one", manifest={"file": "one.npy", "n": 1000, "d": 4})
    assert (alone.trained, alone.kind, alone.first.d) == (False, None, 4)
    assert says(alone) == [
        "The codes of one lie at radius 2 ± 0.5 (n = 1,000); draws from N(0, I) in 4 dimensions at 1.88, 0.2 standard "
        "deviations of the former further in."
    ]
    rows = {figure: values for figure, _, values in compare_runs([alone]).rows}
    assert rows == {"latent dimensions": (4.0,), "radius, mean": (2.0,), "radius, standard deviation": (0.5,)}
    # With log-variances it is their draws that N(0, I) is held against, as of a VAE.
    drawn = {"radius_of_draw": {"mean": 3.0, "sd": 0.5}}
    given = replace(alone.splits["train"], values={"radius": {"mean": 2.0, "sd": 0.5}, "logvar": drawn})
    assert says(replace(alone, splits={"train": given}))[0].startswith("Draws of the posteriors of one lie at radius 3")


@pytest.mark.parametrize("d", [1, 2, 10, 256, 2000])
def test_the_radius_of_the_prior_is_the_mean_of_chi(d):
    assert prior_radius(d) == pytest.approx(stats.chi(d).mean(), rel=1e-9)


def test_fact_and_beta_name_the_same_weight():
    by_fact = TrainRequest.of(model="vae", preset="celeba", fact=5.0).resolve_model((96, 96, 3))
    by_beta = TrainRequest.of(model="vae", preset="celeba", beta=15.0).resolve_model((96, 96, 3))
    assert by_fact == by_beta
    assert (by_fact.beta, by_fact.fact) == (15.0, 5.0)


def test_default_weight_is_beta_1_for_a_vae_and_none_for_an_ae():
    assert TrainRequest.of(model="vae").resolve_model((8, 8, 1)).beta == 1.0
    assert TrainRequest.of(model="ae").resolve_model((8, 8, 1)).beta == 0.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"z_dim": 0}, "z_dim"),
        ({"model": "vae", "beta": -1.0}, "beta must be a finite number of at least 0, got -1.0"),
        ({"model": "vae", "fact": float("nan")}, "fact must be a finite number of at least 0, got nan"),
        ({"model": "vae", "beta": 1.0, "fact": 1.0}, "not be given together"),
        ({"model": "ae", "beta": 1.0}, "be left out for an AE"),
        ({"preset": "resnet"}, "preset must be one of digits, mnist, celeba, got resnet"),
        ({"model": "gan"}, "model"),
        ({"epochs": 0}, "epochs"),
        ({"batch": -1}, "batch"),
        ({"learning_rate": float("inf")}, "learning_rate"),
        ({"device": "tpu"}, "device must be one of"),
        ({"precision": "fp8"}, "precision must be one of"),
        ({"filters": (8, 8), "strides": (2,)}, "strides must have one entry for each of the 2 filters"),
        ({"kernel": 4}, "kernel must be odd"),
        ({"extra_dense": (0,)}, "extra_dense"),
        ({"eps_clip": -1.0}, "eps_clip"),
    ],
)
def test_wrong_options_are_named_with_their_bound(options, message):
    def resolve():
        request = TrainRequest.of(**options)
        request.check()
        return request.resolve_model((8, 8, 1))

    with pytest.raises(ParameterError) as caught:
        resolve()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_names_of_runs_tell_what_differs():
    def name(source="digits", shape=(8, 8, 1), seed=3, **options):
        return run_name(source, TrainRequest.of(**options).resolve_model(shape), seed)

    assert name(model="ae") == "digits-ae-z16-s3"
    assert name(model="vae", beta=0.5) == "digits-vae-z16-beta0.5-s3"
    assert name("folder:a/faces/", (96, 96, 3), model="vae", fact=1e-5) == "faces-vae-z256-fact1e-05-s3"
    assert name("array:x/cats.npy", extra_dense=(64,), batch_norm=True) == "cats-ae-z16-bn-dense64-s3"
    assert len({name(model="vae", beta=b, seed=s) for b in np.linspace(0, 1, 5) for s in range(3)}) == 15


def test_what_happened_in_training_is_told():
    events = [
        {"kind": "rescue", "epoch": 3, "step": 40, "says": "the loss is 9e9; back to epoch 2"},
        {"kind": "early stop", "epoch": 9, "step": 200, "says": "no lower held-out total", "best_epoch": 6},
    ]
    run = replace(judged(), manifest={**judged().manifest, "events": events})
    assert says(run)[-2:] == [
        "Training was rescued in epoch 3: the loss is 9e9; back to epoch 2.",
        "Training was stopped early in epoch 9: no lower held-out total.",
    ]


def test_with_patience_the_losses_are_those_of_the_model_that_is_kept():
    history = [
        {**losses(split, reconstruction), "epoch": epoch, "total": total}
        for epoch, total in ((1, 5.0), (2, 4.0), (3, 6.0))
        for split, reconstruction in (("train", 10.0 * epoch), ("held-out", 10.0 * epoch + 1))
    ]
    last, patient = payload(name="last", history=history), payload(name="patient", history=history)
    patient.manifest["config"]["training"] = {"patience": 2}
    (first, *_) = says_of(last, patient)
    assert "last (AE) 31.0; patient (AE) 21.0" in first


def says_of(*runs):
    return [finding.says for finding in findings_of(runs)]
