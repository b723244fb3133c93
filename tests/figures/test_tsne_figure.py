"""What the caption of the t-SNE maps says of how they fall into pieces."""

import numpy as np

from zscope.figures import tsne
from zscope.study.payload import RunPayload, SplitPayload

N = 40


def run(fragmentation=None, tests=(), components=()):
    made = {
        "name": "standard",
        "components": None,
        "perplexity": 13.0,
        "exaggeration": 12.0,
        "divergence": 0.5,
        "n": N,
    }
    if fragmentation is not None:
        made |= {"fragmentation": fragmentation, "kept_neighbours": 0.654}
    maps = [made, *(made | {"name": f"pc{count}", "components": count} for count in components)]
    places = np.random.default_rng(0).standard_normal((2, N)).astype(np.float32)
    columns = {
        f"tsne.{one['name']}.{letter}": values for one in maps for letter, values in zip("xy", places, strict=True)
    }
    part = SplitPayload(
        name="train",
        n=N,
        d=3,
        values={"tsne": {"maps": maps, "n": N, "of": N}},
        tests={"tsne": list(tests)} if tests else {},
        verdicts={},
        skipped={},
        points=columns,
        null_points={name: columns[name] for name in ("tsne.standard.x", "tsne.standard.y")},
    )
    images = np.zeros((0, 2, 2, 1), np.uint8)
    return RunPayload("a", "AE", "a", {}, [], images, images, (), {"train": part}, None)


def test(statistic, null, value, null_mean):
    return {"statistic": statistic, "null": null, "value": value, "null_mean": null_mean, "n": 30}


test.__test__ = False  # a row of tests, not one of ours


def says(**what):
    return tsne.caption(tsne.prepare(run(**what)))


def test_pieces_and_neighbours_of_the_first_map():
    text = says(fragmentation={"outside": 0.81})
    assert (
        "On the first map 81 % of the points lie outside the largest group, and 65 % of the 10 nearest codes are among "
        "the 30 nearest on the map."
    ) in text
    assert "tested" not in text


def test_the_tested_maps_of_codes_and_of_the_null_that_is_shown():
    rows = [
        test("outside", "elliptical", 0.9, 0.3),
        test("kept_neighbours", "elliptical", 0.75, 0.5),
        test("outside", "covariance", 0.9, 0.02),
        test("kept_neighbours", "covariance", 0.75, 0.37),
    ]
    text = says(fragmentation={"outside": 0.81}, tests=rows)
    assert (
        "On the maps of 30 points that were tested it is 90 % and 75 % for codes, 2 % and 37 % for Gaussian clouds."
    ) in text


def test_maps_that_an_earlier_version_made_say_nothing_of_pieces():
    text = says()
    assert "largest group" not in text
    assert "Divergence in nats: all dimensions 0.5. No label" in text


def test_maps_of_components_are_not_to_be_read_for_groups():
    warns = "Maps of few components fall into pieces in any case, and no null stands beside them."
    assert warns not in says()
    assert warns in says(components=(2,))
