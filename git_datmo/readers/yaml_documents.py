"""Parse YAML of other programs."""

from __future__ import annotations

from typing import Any

YAML_LIMIT = 1 << 20
"""Bytes of a file that are worth parsing, which takes some seconds for each MiB."""


def safe_loader() -> Any:
    """Return the class of PyYAML that makes plain values alone.

    The one in C takes a third of the time; some builds of PyYAML do not have it.
    """
    import yaml

    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(content: bytes) -> object:
    """Parse YAML; raise `ValueError` if it is invalid."""
    import yaml

    try:
        return yaml.load(content, Loader=safe_loader())  # noqa: S506 - a safe one
    # Scalars with a wrong tag, as in `!!bool maybe`, raise an error of any of the latter kinds.
    except (
        *(yaml.YAMLError, RecursionError),
        *(ValueError, KeyError, IndexError, AttributeError, TypeError, OverflowError),
    ) as error:
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
