"""The room that text takes, against what is drawn."""

import pytest
from matplotlib.figure import Figure

from zscope.figures.lettering import shortened, text_width, wrapped
from zscope.figures.style import style


@pytest.mark.parametrize("text", ["mean and covariance, digit 7", "WWWW", "with 0.5 × their noise", "$5"])
def test_a_width_holds_the_text_as_it_is_drawn(text):
    with style():
        figure = Figure(figsize=(6, 1), dpi=600)
        drawn = figure.text(0, 0.5, text.replace("$", r"\$"), fontsize=8).get_window_extent().width / 600
    assert drawn <= text_width(text, 8) <= 1.1 * drawn + 0.02


def test_lines_are_broken_between_words_and_hold_all_of_them():
    text = "codes of the data, with 0.5 × their noise"
    lines = wrapped(text, 1.2, 8)
    assert " ".join(lines) == text
    assert len(lines) > 1
    assert max(text_width(line, 8) for line in lines) <= 1.2
    assert wrapped("", 1.2, 8) == [""]


def test_a_long_word_keeps_its_end():
    name = "Arnold_Schwarzenegger_0042.jpg"
    cut = shortened(name, 1.0, 8)
    assert cut.startswith("…")
    assert name.endswith(cut[1:])
    assert text_width(cut, 8) <= 1.0 < text_width(name, 8)
    assert shortened("0042", 1.0, 8) == "0042"
    assert wrapped(name, 1.0, 8) == [cut]
