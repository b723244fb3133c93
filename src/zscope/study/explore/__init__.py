"""What the explorer computes live: columns, nulls, places, images, paths, draws and sets of codes.

`open_exploration` opens runs, a study or a file of codes; every call of the page is a method of `Explored`, and gives
an `Answer`. Nothing here knows of HTTP.
"""

from zscope.study.explore.answer import Answer, Base, Plane
from zscope.study.explore.columns import LIVE
from zscope.study.explore.exploration import Exploration, open_exploration
from zscope.study.explore.explored import Explored

__all__ = ["LIVE", "Answer", "Base", "Exploration", "Explored", "Plane", "open_exploration"]
