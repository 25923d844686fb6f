"""git-datmo: version data, models, environments and results with the code."""

__version__ = "0.1.0"
