"""A sweep from made payloads: rows, curves, costs, repeats and the sentences about them."""

import json
from dataclasses import replace

import numpy as np
import pytest

from zscope.figures import sweep as figure
from zscope.study.losses import kept_losses
from zscope.study.payload import LadderPayload, RunPayload, SplitPayload
from zscope.study.sweep import sweep_of
from zscope.study.sweep_words import sweep_findings

NONE = np.empty((0, 8, 8, 1), np.uint8)
SHARES = {1e-4: 0.0, 0.01: 0.1, 0.1: 0.5, 1.0: 0.6}


def score(value):
    return {"value": value, "low": value, "high": value}


def rung(name, share, meaningful=None):
    shares = {
        "meaningful_of_reconstructions": score(share),
        "meaningful": score(share / 2 if meaningful is None else meaningful),
    }
    return {"sampler": name, **shares, "fd": score(1 + 100 * (1 - share))}


def ladder(share, noise=0.0, recommended="mixture", meaningful=0.9):
    content = {
        "rungs": [rung("normal", share), rung("covariance", 0.4), rung("mixture", 0.8)],
        "reference": {"reconstructions": rung("reconstructions", 0.95, meaningful), "noise": rung("noise", noise)},
        "recommended": recommended,
        "left_out": [],
    }
    return LadderPayload(content, {})


def run(beta, seed=0, *, kind="vae", channels=1, d=8, active=8, scored=None, loss=None, radius=3.0, **training):
    reconstruction = 20 + 10 * beta + 0.1 * seed if loss is None else loss
    record = {"epoch": 1, "step": 1, "total": reconstruction + beta, "reconstruction": reconstruction, "seconds": 1.0}
    history = [{**record, "split": split, "kl": 1 / (beta or 1)} for split in ("train", "held-out")]
    values = {
        "radius": {"peak": radius + 0.5, "mean": radius},
        "activity": {"active": active},
        "prior": {"surgery": {"mutual_information": 5.0, "marginal_kl": 1 / (beta or 1) - 5}},
    }
    config = {
        "model": {"kind": kind, "shape": [8, 8, channels], "z_dim": d, "beta": beta},
        "training": {"seed": seed, **training},
    }
    split = SplitPayload("train", 1000, d, values, {}, {}, {}, {})
    manifest = {"config": config, "data": {"hash": "h"}}
    name = f"{kind}-{beta:g}-z{d}-s{seed}"
    payload = RunPayload(name, f"{kind}, {beta:g}", name, manifest, history, NONE, NONE, (), {"train": split}, None)
    return replace(payload, ladder=None if scored is None else ladder(scored))


def swept(seeds=2, **given):
    return [run(beta, seed, scored=share, **given) for beta, share in SHARES.items() for seed in range(seeds)]


def test_rows_hold_what_the_runs_hold():
    (curve,) = sweep_of(swept()).curves
    assert curve.weights == tuple(SHARES)
    assert curve.seeds == ("0", "1")
    row = curve.rows[4]
    assert (row.run, row.weight, row.seed, row.fitted) == ("vae-0.1-z8-s0", 0.1, "0", "mixture")
    assert row.values == {
        "reconstruction": 21.0,
        "kl": 10.0,
        "mutual_information": 5.0,
        "marginal_kl": 5.0,
        "radius": 3.5,
        "active": 8,
        "relative_normal": 0.5,
        "relative_fitted": 0.8,
        "relative_noise": 0.0,
        "meaningful_normal": 0.25,
        "meaningful_fitted": 0.4,
        "meaningful_reconstructions": 0.9,
        "fd_normal": 51.0,
        "fd_fitted": pytest.approx(21.0),
        "fd_reconstructions": pytest.approx(6.0),
    }


def test_the_weight_at_which_random_codes_decode_and_what_it_costs():
    (curve,) = sweep_of(swept()).curves
    assert (curve.decodes.state, curve.decodes.weight, curve.decodes.before) == ("at", 0.1, 0.01)
    assert (curve.cost.weight, curve.cost.against) == (0.1, 1e-4)
    assert curve.cost.reconstruction == pytest.approx((0.999, 0.999, 0.999))
    assert (curve.cost.kl, curve.cost.kl_against) == (10.0, 1e4)


def test_sentences_name_the_weight_the_seeds_and_the_cost():
    first, second, *_ = sweep_findings(sweep_of(swept()))
    assert first.says == (
        "KL sweep of 4 weights and 2 seeds: codes from N(0, I) start to decode at beta 0.1 (of all 2 seeds): there 50 "
        "% of their images (80 % from the sampler that is fitted to codes, mixture) are as near to training images as "
        "95 % of reconstructions are; as near as 95 % of held-out images are 25 %, and 90 % of reconstructions; at the "
        "weight below, 0.01, 10 %."
    )
    assert first.advice == (
        "To draw from N(0, I) train with beta 0.1; with a smaller weight draw from a sampler that is fitted to the "
        "codes."
    )
    assert first.figure == "sweep"
    assert second.says == (
        "KL sweep of 4 weights and 2 seeds: at most 10 % of units are inactive at any weight: 8 of 8 are active at "
        "0.0001 and 8 at 1. Against 0.0001, reconstruction costs 0.999 nats per image more at beta 0.1 (0.999 to 0.999 "
        "over 2 seeds), and the KL is 10 instead of 1e+04 nats."
    )


def test_a_reconstruction_that_costs_less_has_its_interval_the_right_way():
    """At the weight where codes decode the seeds are 2 and 4 nats better."""
    runs = swept()
    better = {0: 18.0, 1: 16.1}
    runs[4:6] = [run(0.1, seed, scored=0.5, loss=loss) for seed, loss in better.items()]
    sweep = sweep_of(runs)
    assert sweep.curves[0].cost.seeds == 2
    assert "costs 3 nats per image less at beta 0.1 (2 to 4 over 2 seeds)" in sweep_findings(sweep)[1].says
    alone = sweep_of([runs[0], *runs[2:]])
    assert alone.curves[0].cost.seeds == 1
    assert "costs 2 nats per image less at beta 0.1, and the KL" in sweep_findings(alone)[1].says


def test_with_patience_losses_are_those_of_the_model_that_is_kept():
    """The best held-out total is not the last, and the training losses go on falling."""

    def patient(beta):
        one = run(beta, scored=SHARES[beta], patience=2)
        history = [
            {"epoch": epoch, "split": split, "total": total, "reconstruction": total, "kl": 1.0}
            for epoch, losses in enumerate([(30.0, 31.0), (20.0, 25.0), (10.0, 28.0)], start=1)
            for split, total in zip(("train", "held-out"), losses, strict=True)
        ]
        return replace(one, history=history)

    (curve,) = sweep_of([patient(beta) for beta in SHARES]).curves
    assert [row.values["reconstruction"] for row in curve.rows] == [25.0] * 4
    assert kept_losses(patient(0.1), "train")["total"] == 20.0
    assert kept_losses(run(0.1), "train")["epoch"] == 1


def test_models_with_another_prior_are_not_asked_for_codes_of_the_normal_one():
    runs = swept()
    for one in runs:
        one.manifest["config"]["model"]["prior"] = {"name": "vamp", "inputs": 5}
    (curve,) = (sweep := sweep_of(runs)).curves
    assert not curve.decodes.known
    finding = sweep_findings(sweep)[0]
    assert "codes from N(0, I) decode is not asked: the prior of these models is vamp." in finding.says
    assert finding.advice is None


def test_undecided_sweeps_say_so():
    runs = [replace(one, ladder=ladder(0.9 if one.manifest["config"]["training"]["seed"] else 0.0)) for one in swept()]
    finding = sweep_findings(sweep_of(runs))[0]
    assert finding.strength == "undecided"
    assert "is undecided: the seeds disagree: 1 of 2 reach it" in finding.says
    poor = [replace(one, ladder=ladder(0.9, noise=0.2)) for one in swept()]
    assert (
        "it is reached only where 20 % of images of noise are as near to training images as reconstructions are "
        "(0.0001)."
    ) in sweep_findings(sweep_of(poor))[0].says


def test_a_weight_that_blurs_reconstructions_is_not_recommended():
    """Random codes do as well as codes of images at 0.1, where few reconstructions look real any more."""
    sharp = {1e-4: 0.9, 0.01: 0.9, 0.1: 0.3, 1.0: 0.1}
    runs = [
        replace(one, ladder=ladder(SHARES[beta], meaningful=sharp[beta]))
        for beta in SHARES
        for one in (run(beta), run(beta, 1))
    ]
    finding = sweep_findings(sweep_of(runs))[0]
    assert "start to decode at beta 0.1" in finding.says
    assert finding.advice.startswith(
        "At beta 0.1 most random codes decode like codes of images, but both are blurred: 30 % of reconstructions are "
        "meaningful, and 90 % at 0.0001. Train longer"
    )


def test_blurred_from_the_smallest_weight_on():
    runs = [replace(one, ladder=ladder(0.7, meaningful=0.02)) for one in swept()]
    finding = sweep_findings(sweep_of(runs))[0]
    assert "decode from the smallest weight on" in finding.says
    assert finding.advice == (
        "At beta 0.0001 most random codes decode like codes of images, but both are blurred: 2 % of reconstructions "
        "are meaningful. Train longer."
    )


def test_shares_are_those_of_the_runs_that_decide():
    """One seed of three has noise that passes for its reconstructions."""
    runs = swept(seeds=3)
    for place, share, noise in ((6, 0.05, 0.2), (7, 0.45, 0.0), (8, 0.6, 0.0)):
        runs[place] = replace(runs[place], ladder=ladder(share, noise))
    finding = sweep_findings(sweep_of(runs))[0]
    assert "start to decode at beta 0.1 (0.1 to 1 over 3 seeds): there 52 % of their images" in finding.says
    assert "at the weight below, 0.01, 10 %" in finding.says


def test_where_the_largest_weights_decide_nothing_no_larger_ones_are_advised():
    runs = [replace(one, ladder=ladder(0.3, 0.5 if place > 5 else 0.0)) for place, one in enumerate(swept())]
    sweep = sweep_of(runs)
    finding = sweep_findings(sweep)[0]
    assert "do not decode at any weight that decides it; at most 30 %" in finding.says
    assert "at beta 1;" not in finding.says
    assert finding.advice == "Draw from a sampler that is fitted to the codes."
    assert "at no weight that decides it (at 1 50 % of images of noise" in figure.caption(figure.prepare(sweep))


def test_the_fitted_share_is_of_runs_with_such_a_sampler():
    runs = swept()
    runs[4] = replace(runs[4], ladder=ladder(0.5, recommended="normal"))
    assert "(80 % from the sampler that is fitted to codes, mixture)" in sweep_findings(sweep_of(runs))[0].says
    none = [replace(one, ladder=ladder(one.manifest["config"]["model"]["beta"], recommended="normal")) for one in runs]
    assert "from the sampler that is fitted" not in sweep_findings(sweep_of(none))[0].says


def test_weights_that_were_not_scored_are_named():
    runs = swept()
    gap = [replace(one, ladder=None) if place in (2, 3) else one for place, one in enumerate(runs)]
    assert "is undecided: at 0.01, below it, N(0, I) was not scored" in sweep_findings(sweep_of(gap))[0].says
    end = [replace(one, ladder=None) if place > 5 else one for place, one in enumerate(runs)]
    assert sweep_findings(sweep_of(end))[0].says.endswith("10 %; at 1 N(0, I) was not scored.")
    without = [replace(one, ladder=ladder(0.5)) for one in runs]
    for one in without:
        one.ladder.content["rungs"].pop(0)
    assert "is not asked: N(0, I) was not scored." in sweep_findings(sweep_of(without))[0].says


def test_sweeps_without_a_transition():
    low = [replace(one, ladder=ladder(0.05)) for one in swept()]
    assert "do not decode at any weight of this sweep; at most 5 %" in sweep_findings(sweep_of(low))[0].says
    high = [replace(one, ladder=ladder(0.7)) for one in swept()]
    assert "decode from the smallest weight on, beta 0.0001" in sweep_findings(sweep_of(high))[0].says
    bare = sweep_findings(sweep_of([replace(one, ladder=None) for one in swept()]))[0]
    assert "no ladder was scored" in bare.says
    assert "ladder: [normal, covariance, mixture]" in bare.advice


def test_colour_images_go_by_fact():
    sweep = sweep_of(swept(channels=3))
    assert sweep.name == "fact"
    assert sweep.curves[0].decodes.weight == pytest.approx(0.1 / 3)
    assert "at fact 0.03333" in sweep_findings(sweep)[0].says


def test_a_curve_for_each_other_configuration():
    sweep = sweep_of([*swept(), *swept(d=16, active=10)])
    assert [curve.label for curve in sweep.curves] == ["z_dim 8", "z_dim 16"]
    assert [curve.collapses.state for curve in sweep.curves] == ["not reached", "from the smallest"]
    assert "KL sweep of 4 weights and 2 seeds (z_dim 16)" in sweep_findings(sweep)[2].says


def test_two_weights_and_autoencoders_are_no_sweep():
    assert sweep_of([run(0.1), run(1.0)]) is None
    assert sweep_of([run(0.0, kind="ae")]) is None
    assert sweep_of([]) is None


def test_repeats_by_seed_and_by_initialisation():
    runs = [run(0.0, seed, kind="ae", loss=20.0, radius=r) for seed, r in enumerate((16.3, 16.5, 66.0))]
    runs += [run(0.0, 0, kind="ae", loss=20.0, radius=16.4, init_seed=5)]
    sweep = sweep_of(runs)
    assert sweep.curves == ()
    (repeats,) = sweep.repeats
    names = [minimum.runs for minimum in repeats.minima]
    assert sorted(map(len, names)) == [1, 3]
    assert ("ae-0-z8-s2",) in names
    (finding,) = sweep_findings(sweep)
    assert finding.says.startswith("4 runs that differ by their seed only (ae, 0) ended in 2 minima (runs are of one")
    assert "ae-0-z8-s2 at a loss of 20 nats per image and a mean radius of 66" in finding.says
    assert finding.says.endswith("and the loss by 0 %: the loss does not fix the radius, the seed does.")
    (near,) = sweep_findings(sweep_of(runs[:2]))
    assert near.says.endswith(
        "no dependence of the radius on the seed beyond that of the loss and beyond 10 % of the radius was seen in 2 "
        "runs."
    )


def test_it_is_json_and_a_figure_with_a_table():
    sweep = sweep_of([*swept(), *swept(d=16)])
    content = json.loads(json.dumps(sweep.as_json(), allow_nan=False))
    assert content["curves"][0]["decodes"]["weight"] == 0.1
    assert len(content["curves"][1]["rows"]) == 8
    assert len(content["repeats"]) == 8
    head, rows = figure.sweep_table(sweep)
    assert head[:3] == ("runs", "beta", "seeds")
    assert [len(row) for row in rows] == [len(head)] * 8
    assert rows[2][:4] == ("z_dim 8", "0.1 *", "2", "21.05")
