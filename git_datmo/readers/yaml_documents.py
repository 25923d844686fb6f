"""Parse YAML of other programs."""

from __future__ import annotations


def read_yaml(content: bytes) -> object:
    """Parse YAML; raise `ValueError` if it is invalid."""
    import yaml

    try:
        return yaml.safe_load(content)
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError("not YAML") from error
