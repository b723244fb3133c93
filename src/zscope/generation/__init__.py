"""Generation: new codes from clouds that are fitted to a data set's codes, and the images they decode to."""

from zscope.generation.sampling import DEFAULT_CLOUDS, sample_clouds

__all__ = ["DEFAULT_CLOUDS", "sample_clouds"]
