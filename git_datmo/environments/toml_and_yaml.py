"""Parse TOML and YAML with parsers that are imported late."""

from __future__ import annotations

import sys
from typing import Any

from git_datmo.readers.yaml_documents import safe_loader


def read_toml(text: str) -> Any:
    """Parse TOML; raise `ValueError`."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    return tomllib.loads(text)


def read_yaml(text: str) -> Any:
    """Parse YAML of plain values; raise `yaml.YAMLError`."""
    import yaml

    return yaml.load(text, Loader=safe_loader())  # noqa: S506 - a safe one
