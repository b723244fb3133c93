"""Judging: how real decoded images are, by features that need no downloaded weights."""

from zscope.judging.cache import judge_folder, judge_for
from zscope.judging.codes import code_spread, cycle_errors, nearest_code_distances
from zscope.judging.frechet import frechet_distance
from zscope.judging.intervals import Score
from zscope.judging.judge import Judge
from zscope.judging.manifold import expected_coverage, membership, precision_and_recall
from zscope.judging.pretext import Recipe
from zscope.judging.scores import Scores
from zscope.judging.two_sample import chance_accuracy, two_sample_hits

__all__ = [
    "Judge",
    "Recipe",
    "Score",
    "Scores",
    "chance_accuracy",
    "code_spread",
    "cycle_errors",
    "expected_coverage",
    "frechet_distance",
    "judge_folder",
    "judge_for",
    "membership",
    "nearest_code_distances",
    "precision_and_recall",
    "two_sample_hits",
]
