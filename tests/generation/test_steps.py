"""The ladder in words: differences with intervals, what matters, and which sampler is recommended."""

import numpy as np
import pytest
from scipy.stats import norm

from zscope.clouds import CLOUDS
from zscope.generation.ladder import LADDER
from zscope.generation.ladder_words import further_words, ladder_words, memorises, recommend
from zscope.generation.steps import DECODED, KNOWLEDGE, deciding, difference, kind_of, steps_of


def score(value, width=0.05):
    return {"value": value, "low": value * (1 - width), "high": value * (1 + width)}


def rung(sampler, fd, meaningful=0.5, memorised=0.05):
    share = {"value": meaningful, "low": meaningful - 0.02, "high": meaningful + 0.02}
    return {"sampler": sampler, "fd": score(fd), "meaningful": share, "memorised": score(memorised)}


BOTH = ("fd", DECODED)
HELD_OUT = {"fd": score(0.2), "memorised": score(0.05)}
RECONSTRUCTIONS = {"fd": score(1.0)}
REFERENCE = {"held_out": HELD_OUT, "reconstructions": RECONSTRUCTIONS, "noise": {"fd": score(900)}}
FACES = [
    rung("uniform:2", 500, 0.0),
    rung("normal", 400, 0.0),
    rung("radius", 390, 0.0),
    rung("axes", 41, 0.18),
    rung("axes-empirical", 40.5, 0.18),
    rung("covariance", 3, 0.6),
    rung("mixture", 2, 0.8),
    rung("posterior", 1.0, 0.95),
]


def test_difference_has_the_width_of_independent_intervals():
    """Of symmetric intervals a ± s, b ± t: a − b ± √(s² + t²)."""
    low, high = 7 - 2.5 - np.sqrt(0.25 + 4), 7 - 2.5 + np.sqrt(0.25 + 4)
    found = difference({"value": 7, "low": 6.5, "high": 7.5}, {"value": 2.5, "low": 0.5, "high": 4.5})
    assert found == pytest.approx((4.5, low, high))


def test_of_several_comparisons_intervals_are_longer():
    one, many = (difference(score(7), score(2.5), count) for count in (1, 20))
    assert many[0] == one[0]
    longer = norm.ppf(1 - 0.025 / 20) / norm.ppf(0.975)
    assert many[1] == pytest.approx(4.5 - longer * (4.5 - one[1]))
    assert many[2] == pytest.approx(4.5 + longer * (one[2] - 4.5))


def test_equal_rungs_are_rarely_told_apart():
    """Of 400 ladders of 9 rungs with one true FD, 5 % may tell any two apart; more than 32 have p < 0.01."""
    rng = np.random.default_rng(1)
    names = [
        "uniform:2",
        "normal",
        "axes",
        "covariance",
        "ellipsoid:0.9",
        "mixture",
        "kde",
        "flow",
        "neighbours",
        "copula",
    ]
    told = 0
    for _ in range(400):
        seen = 10 + rng.standard_normal(len(names))
        rungs = [
            {"sampler": name, "fd": {"value": fd, "low": fd - 1.96, "high": fd + 1.96}}
            for name, fd in zip(names, seen, strict=True)
        ]
        told += any(step.seen != "no difference seen" for step in steps_of(rungs, RECONSTRUCTIONS))
    assert told <= 32


def test_two_distances_together_rarely_tell_equal_rungs_apart():
    """The same with a second score that is looked at where the first sees nothing: still 32 of 400 at most."""
    rng = np.random.default_rng(2)
    names = ["uniform:2", "normal", "axes", "covariance", "mixture", "kde", "flow", "copula"]
    told = 0
    for _ in range(400):
        seen = 10 + rng.standard_normal((len(names), 2))
        rungs = [
            {"sampler": name}
            | {key: {"value": fd, "low": fd - 1.96, "high": fd + 1.96} for key, fd in zip(BOTH, fds, strict=True)}
            for name, fds in zip(names, seen, strict=True)
        ]
        real, decoded = (steps_of(rungs, RECONSTRUCTIONS, key) for key in BOTH)
        told += any(step.seen != "no difference seen" for step in (*real, *(one for one in decoded if one.undecided)))
    assert told <= 32


def test_the_family_holds_every_pair_by_every_score():
    """Bonferroni by hand: z(1 − 0.025 / (k C)) with k scores and C pairs; here C = 3 (axes, covariance, mixture)."""
    rungs = [
        {"sampler": name, "fd": score(fd), DECODED: score(fd / 2)}
        for name, fd in (("axes", 9.0), ("covariance", 4.0), ("mixture", 3.0))
    ]
    (step, _), (decoded, _) = (steps_of(rungs, RECONSTRUCTIONS, key) for key in BOTH)
    longer = norm.ppf(1 - 0.025 / 6) / norm.ppf(0.975)
    for found, unit in ((step, 1.0), (decoded, 0.5)):
        reach = longer * unit * 0.05 * np.hypot(9, 4)
        assert found.fall == pytest.approx((5 * unit, 5 * unit - reach, 5 * unit + reach))
    (alone, _) = steps_of([{**rung, DECODED: None} for rung in rungs], RECONSTRUCTIONS)
    assert alone.fall[1] == pytest.approx(5 - norm.ppf(1 - 0.025 / 3) / norm.ppf(0.975) * 0.05 * np.hypot(9, 4))


def both(sampler, fd, decoded, meaningful=0.9):
    return {**rung(sampler, fd, meaningful), DECODED: score(decoded)}


BLURRED = [
    both("normal", 70, 75, 0.1),
    both("axes", 11, 20),
    both("covariance", 3.9, 2.05),
    both("ellipsoid:0.9", 2.4, 4.5),
    both("mixture", 4.1, 1.2),
    both("flow", 4.3, 1.22),
    both("neighbours:5", 31, 28),
]
DECODER = {**REFERENCE, "reconstructions": {"fd": score(4.6), DECODED: score(0.23)}}


def test_below_the_blur_of_the_decoder_reconstructions_decide():
    steps, decoded = (steps_of(BLURRED, DECODER["reconstructions"], key) for key in BOTH)
    by = {step.after: step for step in decoded}
    assert (by["mixture"].before, by["mixture"].real, by["mixture"].seen) == ("covariance", "cannot tell", "better")
    assert (by["flow"].before, by["flow"].seen) == ("mixture", "no difference seen")
    assert (by["covariance"].real, by["covariance"].undecided) == ("better", False)
    assert by["mixture"].as_json()["seen_by_real"] == "cannot tell"
    says = ladder_words(BLURRED, steps, DECODER, "covariance", decoded)
    assert "the covariance is what matters: FD 11 → 3.9 from axes to covariance (lower by" in says
    assert (
        "Held against what the decoder makes of the training images, where its own blur does not count, the shape of "
        "the cloud (as several Gaussians) matters too: FD to reconstructions 2.05 → 1.2 from covariance to mixture "
        "(lower by 0.85, "
    ) in says
    more = further_words(steps, decoded)
    head = "By FD to reconstructions, where FD to real images cannot decide,"
    assert f"{head} worse: keeping to the core, FD to reconstructions 2.05 → 4.5 from covariance to ellipsoid" in more
    assert f"{head} no difference seen: the shape of the cloud (as a flow), FD to reconstructions 1.2 → 1.22" in more
    assert "neighbours" not in more.partition("By FD to reconstructions")[2]  # real images tell it
    # The recommendation stays one of FD to real images.
    assert recommend(BLURRED, DECODER, redrawn=True)[0] == "covariance"


def test_the_two_distances_at_odds_are_told():
    rungs = [both("covariance", 9, 2), both("mixture", 6, 4), both("flow", 12, 1)]
    decoded = steps_of(rungs, DECODER["reconstructions"], DECODED)
    more = further_words(steps_of(rungs, DECODER["reconstructions"]), decoded)
    assert (
        "FD to reconstructions, against FD to real images, is lower: the shape of the cloud (as a flow), FD to "
        "reconstructions 2 → 1 from covariance to flow."
    ) in more
    assert (
        "FD to reconstructions, against FD to real images, is higher: the shape of the cloud (as several Gaussians), "
        "FD to reconstructions 2 → 4 from covariance to mixture."
    ) in more


def test_without_a_gain_against_real_images_reconstructions_may_still_show_one():
    rungs = [both("axes", 4.0, 8.0), both("covariance", 3.9, 2.0)]
    steps, decoded = (steps_of(rungs, DECODER["reconstructions"], key) for key in BOTH)
    says = ladder_words(rungs, steps, DECODER, "axes", decoded)
    assert says.startswith("No condition brings a gain beyond chance. Held against what the decoder makes of the")
    assert "does not count, the covariance matters: FD to reconstructions 8 → 2 from axes to covariance" in says


@pytest.mark.parametrize("ceiling", [0.5, 3.5, 60.0])
def test_every_step_is_told_once(ceiling):
    reference = {**REFERENCE, "reconstructions": {"fd": score(ceiling)}}
    steps = steps_of(FACES, reference["reconstructions"])
    says = f"{ladder_words(FACES, steps, reference, 'covariance')} {further_words(steps)}"
    for step in steps:
        told = says.count(f"from {step.before} to {step.after}")
        assert told == 1 or (told == 0 and step.places and step.seen == "better"), step


def test_a_decoder_that_makes_poor_reconstructions_is_named_first():
    poor = {**REFERENCE, "reconstructions": {"fd": score(100)}}
    says = ladder_words(FACES, steps_of(FACES, poor["reconstructions"]), poor, "covariance")
    assert says.startswith("The decoder is the limit: its own reconstructions of held-out images have FD 100, 11 % of")


def test_interval_of_a_difference_covers():
    """Means of skewed values: of 500 intervals of 95 % between 91.5 % and 98 % hold the difference 1 (p < 0.001)."""
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(500):
        pair = []
        for mean in (3.0, 2.0):
            values = rng.exponential(mean, 120)
            means = values[rng.integers(120, size=(200, 120))].mean(1)
            low, high = np.quantile(means, [0.025, 0.975])
            pair.append({"value": values.mean(), "low": low, "high": high})
        _, low, high = difference(*pair)
        inside += low <= 1 <= high
    assert 0.915 <= inside / 500 <= 0.98


def test_every_rung_of_the_ladder_that_is_a_condition_has_its_knowledge():
    assert [kind for kind in LADDER if kind not in KNOWLEDGE] == ["uniform", "normal", "posterior"]
    assert set(LADDER) <= set(CLOUDS) | {"flow", "second-stage"}
    for name, knowledge in KNOWLEDGE.items():
        assert set(knowledge.beyond) <= {*KNOWLEDGE, "uniform", "normal"}
        assert name not in knowledge.beyond


def test_a_rung_is_held_against_the_best_of_those_that_know_less():
    steps = {step.after: step for step in steps_of(FACES, RECONSTRUCTIONS)}
    assert steps["covariance"].before == "axes"  # the shapes of the axes are no part of a covariance
    assert steps["axes-empirical"].before == "axes"
    assert steps["mixture"].before == "covariance"
    assert steps["axes-empirical"].seen == "no difference seen"
    assert "posterior" not in steps
    assert steps["covariance"].gain == pytest.approx(np.log(41 / 3))


def test_the_step_after_which_most_more_images_are_meaningful_decides():
    assert deciding(steps_of(FACES, RECONSTRUCTIONS)).after == "covariance"
    digits = [
        rung("normal", 580, 0.0),
        rung("axes", 29, 0.43),
        rung("covariance", 13, 0.51),
        rung("mixture", 6.1, 0.88),
    ]
    steps = steps_of(digits, RECONSTRUCTIONS)
    assert deciding(steps).after == "mixture"  # though the ratio of FDs is larger at the covariance
    assert deciding(steps).rise[0] == pytest.approx(0.37)
    says = f"{ladder_words(digits, steps, REFERENCE, 'mixture')} {further_words(steps)}"
    assert says.startswith(
        "Codes must lie where those of the data lie: FD 580 → 29 from normal to axes. Beyond that, the shape of the "
        "cloud (as several Gaussians) is what matters: FD 13 → 6.1 from covariance to mixture"
    )
    assert "By the ratio of FDs the covariance gains most: FD 29 → 13 from axes to covariance." in says


def test_without_meaningful_images_the_largest_ratio_decides():
    none = [rung("axes", 30, 0.02), rung("covariance", 20, 0.02), rung("mixture", 5, 0.03)]
    assert deciding(steps_of(none, RECONSTRUCTIONS)).after == "mixture"
    bare = [{"sampler": name, "fd": score(fd)} for name, fd in (("axes", 30), ("covariance", 6), ("mixture", 5))]
    assert deciding(steps_of(bare, RECONSTRUCTIONS)).after == "covariance"


def test_what_knows_nothing_is_only_held_against_where_there_is_nothing_else():
    placed = steps_of([rung("normal", 500, 0.0), rung("axes", 30, 0.5)], RECONSTRUCTIONS)
    assert deciding(placed).after == "axes"
    assert deciding(steps_of([rung("axes", 10), rung("covariance", 9.9)], RECONSTRUCTIONS)) is None


def test_nothing_is_gained_below_what_the_decoder_can_do():
    rungs = [rung("normal", 10), rung("axes", 4), rung("covariance", 0.9), rung("mixture", 0.01)]
    steps = {step.after: step for step in steps_of(rungs, RECONSTRUCTIONS)}
    assert steps["mixture"].gain == 0
    assert deciding(list(steps.values())).after == "covariance"
    assert steps["covariance"].gain == pytest.approx(np.log(4))


def test_words_name_the_condition_with_its_figures():
    steps = steps_of(FACES, RECONSTRUCTIONS)
    says = f"{ladder_words(FACES, steps, REFERENCE, 'mixture')} {further_words(steps)}"
    assert "Beyond that, the covariance is what matters: FD 41 → 3 from axes to covariance (lower by 38, " in says
    # 18 pairs of a rung and a simpler one, two scores: √2 · 2 points · z(1 − 0.025/36) / z(0.975) = 4.61 points.
    assert "meaningful images 18 % → 60 % (more: 42, 37.4 to 46.6 points)" in says
    assert "No difference seen:" in says
    assert "the shapes of the axes, FD 41 → 40.5 from axes to axes-empirical" in says
    assert "the recommended" in says.lower()
    assert "it is not as good as a reconstruction" in says  # the posterior is
    alone = FACES[:-1]
    assert "nothing drawn is as good as a reconstruction" in ladder_words(alone, steps, REFERENCE, "mixture")


def test_words_do_not_call_equal_what_was_not_told_apart():
    rungs = [rung("normal", 50), rung("covariance", 1.02)]
    steps = steps_of(rungs, RECONSTRUCTIONS)
    says = f"{ladder_words(rungs, steps, REFERENCE, 'covariance')} {further_words(steps)}"
    assert "no difference to reconstructions was seen, which does not say that there is none" in says
    same = [rung("normal", 50), rung("covariance", 50.1)]
    assert ladder_words(same, steps_of(same, RECONSTRUCTIONS), REFERENCE, None).startswith(
        "No condition brings a gain beyond chance."
    )


def test_a_decoder_that_decodes_nothing_is_told():
    poor = {**REFERENCE, "reconstructions": {"fd": score(950)}}
    says = ladder_words(FACES, steps_of(FACES, poor["reconstructions"]), poor, "mixture")
    assert says.startswith("This model's own reconstructions are no nearer to real images than noise is (FD 950 (")


def test_the_simplest_sampler_within_the_interval_of_the_best_is_recommended():
    rungs = [rung("axes", 9), rung("covariance", 2.06), rung("mixture", 2.02), rung("flow", 2.0)]
    chosen, why = recommend(rungs, REFERENCE, redrawn=True)
    assert chosen == "covariance"
    assert "simplest sampler whose FD, 2.06, lies within the interval of the lowest (flow, 2 (1.9 to 2.1))" in why
    chosen, why = recommend([rung("axes", 9), rung("mixture:7", 2)], REFERENCE, redrawn=True)
    assert (chosen, why.partition(",")[0]) == ("mixture:7", "mixture:7 has the lowest FD")


def test_beyond_reconstructions_no_sampler_is_better_than_a_simpler_one():
    rungs = [rung("axes", 9), rung("copula", 3.1), rung("covariance", 3.9), rung("ellipsoid:0.9", 2), rung("flow", 4.2)]
    blurred = {**REFERENCE, "reconstructions": {"fd": score(4), "meaningful": {"value": 0.5, "low": 0.4, "high": 0.6}}}
    chosen, why = recommend(rungs, blurred, redrawn=True)
    assert chosen == "covariance"
    assert "FD, 3.9 (" in why
    assert "is not above that of reconstructions (4)" in why
    rungs[2] = rung("covariance", 3.9, meaningful=0.2)
    assert recommend(rungs, blurred, redrawn=True)[0] == "copula"


def test_what_gives_training_codes_back_is_not_recommended():
    rungs = [rung("mixture", 5), rung("kde", 2, memorised=0.4), rung("posterior", 1, memorised=0.05)]
    chosen, why = recommend(rungs, REFERENCE, redrawn=True)
    assert chosen == "mixture"
    assert "posterior is not considered: it gives back the training codes themselves." in why
    assert "kde is not considered: it gives images nearer to the training images" in why
    assert recommend(rungs, REFERENCE, redrawn=False)[0] == "posterior"
    assert recommend(rungs[2:], REFERENCE, redrawn=True)[0] is None


def test_memorising_is_told_beyond_both_intervals():
    assert memorises(rung("kde", 1, memorised=0.2), HELD_OUT)
    assert not memorises(rung("kde", 1, memorised=0.055), HELD_OUT)
    assert not memorises({"sampler": "kde"}, HELD_OUT)


def test_kind_of_a_cloud():
    assert kind_of("uniform:2") == "uniform"
