"""zscope: where latent codes lie, what of it is chance, and from where to sample."""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"


def explore(*paths: Any, **options: Any) -> Any:
    """Show the explorer in a notebook, see `zscope.explorer.widget.explore`."""
    # Loaded when it is called: `import zscope` loads neither torch nor a notebook's packages.
    return import_module("zscope.explorer.widget").explore(*paths, **options)
