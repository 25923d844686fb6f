"""git-datmo: data, model, environment and result travel with the commit."""

__version__ = "0.1.0"
