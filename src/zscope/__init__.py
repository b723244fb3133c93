"""zscope: where latent codes lie, what of it is chance, and from where to sample."""

__version__ = "0.1.0"
