import numpy as np
import pytest
from scipy import stats

from zscope.errors import ParameterError
from zscope.study.findings import prior_radius
from zscope.study.naming import run_name
from zscope.study.request import TrainRequest


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
