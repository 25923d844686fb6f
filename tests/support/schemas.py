"""Load the JSON Schemas of the documentation, for tests of `--json`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import fastjsonschema

SCHEMAS = Path(__file__).parents[2] / "docs" / "reference" / "schemas"


def require_valid(name: str, document: Any) -> None:
    """Raise an error where a document does not follow the schema `name`."""
    fastjsonschema.compile(json.loads((SCHEMAS / f"{name}.json").read_text("utf-8")))(document)
