"""What colours points."""

import numpy as np
import pytest

from zscope.figures.points import colouring, mark


def made(values, **kwargs):
    return colouring({"label": np.array(values, **kwargs)}, len(values), "label")


def test_few_values_are_classes_in_order():
    found = made([3, 1, 2, 1])
    assert (found.kind, found.classes) == ("classes", ("1", "2", "3"))
    assert list(found.values) == [2, 0, 1, 0]
    assert found.note == "Coloured by label."


def test_missing_labels_are_grey_and_counted():
    found = made(["cat", None, "dog", ""], dtype=object)
    assert found.classes == ("cat", "dog")
    assert np.array_equal(found.values, [0, np.nan, 1, np.nan], equal_nan=True)
    assert "2 points without one are grey" in found.note


def test_booleans_are_no_and_yes():
    assert made([True, False]).classes == ("no", "yes")


def test_many_numbers_are_a_scale():
    found = made(np.linspace(-1, 2, 40))
    assert found.kind == "scale"
    assert found.note == "Coloured by label, from −1 (dark) to 2 (light)."


def test_many_names_have_one_colour_and_the_caption_says_so():
    found = made([f"person {i}" for i in range(13)], dtype=object)
    assert found.kind == "none"
    assert "13 classes" in found.note


@pytest.mark.parametrize("column", [None, "absent"])
def test_no_label(column):
    found = colouring({}, 3, column)
    assert found.kind == "none"
    assert found.note == "No label colours the points."


def test_a_label_that_is_empty():
    assert "is empty" in made([None, None], dtype=object).note


def test_points_shrink_and_fade_with_their_number():
    sizes, opacities = zip(*(mark(n) for n in (1, 100, 3000, 100_000, 1_000_000)), strict=True)
    assert list(sizes) == sorted(sizes, reverse=True)
    assert list(opacities) == sorted(opacities, reverse=True)
    assert opacities[-1] >= 0.3
