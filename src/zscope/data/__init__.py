"""Sources of images, one file each, and their preparation into image stores."""

from zscope.data.base import Source
from zscope.data.policy import ImagePolicy
from zscope.data.preparation import prepare
from zscope.data.registry import SOURCES, open_source

__all__ = ["SOURCES", "ImagePolicy", "Source", "open_source", "prepare"]
