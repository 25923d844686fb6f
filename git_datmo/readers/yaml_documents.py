"""Parse YAML of other programs."""

from __future__ import annotations

from typing import Any


def read_yaml(content: bytes) -> object:
    """Parse YAML; raise `ValueError` if it is invalid."""
    import yaml

    try:
        return yaml.safe_load(content)
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError("not YAML") from error


def compose_yaml(text: str) -> Any:
    """Parse YAML to nodes that know their places in the text; raise `ValueError` if it is invalid.

    The result is None for an empty text.
    """
    import yaml

    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError("not YAML") from error
