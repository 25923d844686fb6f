"""Typed access to the values of a contract's file; a wrong type names its path."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from git_datmo.contracts.bounded_yaml import Path
from git_datmo.contracts.contract_types import Value


class BadContract(ValueError):
    """A value that a contract must not have, with its path in the file."""

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(message)
        self.path = path


class OdcsObject:
    """A mapping of the file. Absent keys and nulls give empty values."""

    def __init__(self, data: Any, path: Path, paths: dict[str, Path] | None = None) -> None:
        if not isinstance(data, dict):
            raise BadContract(path, "a mapping of keys and values is expected")
        self.data: dict[str, Any] = data
        self.path = path
        # Of custom properties, whose keys are values of the file.
        self._paths = paths or {}
        self.unknown_of_datmo: tuple[str, ...] = ()

    def path_of(self, key: str) -> Path:
        """Return the path of a value of this mapping."""
        return self._paths.get(key, (*self.path, key))

    def error(self, key: str, message: str) -> BadContract:
        """Return the error for the value of a key."""
        return BadContract(self.path_of(key), message)

    def has(self, key: str) -> bool:
        """Return whether the mapping has a value other than null."""
        return self.data.get(key) is not None

    def allow(self, *keys: str) -> None:
        """Raise `BadContract` for a key that is not in a closed list."""
        for key in self.data:
            if key not in keys:
                raise self.error(key, f"key '{key}' is unknown; known: {', '.join(keys)}")

    def text(self, key: str) -> str:
        """Return text; numbers are text as well, so that `version: 1.0` is accepted."""
        value = self.data.get(key)
        if value is None:
            return ""
        # For Python, True is an `int`.
        if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
            raise self.error(key, f"'{key}' is not text")
        return str(value)

    def flag(self, key: str) -> bool:
        """Return true or false, by default false."""
        value = self.data.get(key)
        if value is None:
            return False
        if not isinstance(value, bool):
            raise self.error(key, f"'{key}' is not true or false")
        return value

    def count(self, key: str) -> int | None:
        """Return a number that counts, or None."""
        value = self.data.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise self.error(key, f"'{key}' is not a whole number of at least 0")
        return value

    def number(self, key: str) -> Decimal | None:
        """Return a finite number as a decimal, or None."""
        value = self.data.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise self.error(key, f"'{key}' is not a number")
        return Decimal(value)

    def list(self, key: str) -> list[Any]:
        """Return a list, by default an empty one."""
        value = self.data.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self.error(key, f"'{key}' is not a list")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts."""
        values = self.list(key)
        if any(isinstance(value, bool) or not isinstance(value, str | int) for value in values):
            raise self.error(key, f"'{key}' is not a list of texts")
        return tuple(map(str, values))

    def numbers(self, key: str) -> tuple[int, ...]:
        """Return a list of whole numbers."""
        values = self.list(key)
        if any(isinstance(value, bool) or not isinstance(value, int) for value in values):
            raise self.error(key, f"'{key}' is not a list of whole numbers")
        return tuple(values)

    def values(self, key: str) -> tuple[Value, ...]:
        """Return a list of plain values; those that are lists or mappings are left out."""
        return tuple(value for value in self.list(key) if not isinstance(value, list | dict))

    def object(self, key: str) -> OdcsObject:
        """Return a mapping, by default an empty one."""
        return OdcsObject(self.data.get(key) or {}, self.path_of(key))

    def objects(self, key: str) -> Iterator[OdcsObject]:
        """Yield the mappings of a list."""
        for index, item in enumerate(self.list(key)):
            yield OdcsObject(item, (*self.path_of(key), index))

    def custom_properties(self, known: Iterable[str]) -> OdcsObject:
        """Return the values of `customProperties` by their names.

        Names of git-datmo that are not in the closed list `known` are in `unknown_of_datmo`.
        """
        found: dict[str, Any] = {}
        paths: dict[str, Path] = {}
        for item in self.objects("customProperties"):
            name = item.text("property")
            # Properties of other programs may be repeated; their meaning is not known.
            if name in found and name.startswith("datmo."):
                raise item.error("property", f"custom property '{name}' is there twice")
            found[name] = item.data.get("value")
            paths[name] = item.path_of("value")
        custom = OdcsObject(found, (*self.path, "customProperties"), paths)
        unknown = [name for name in found if re.match("datmo[.]", name) and name not in known]
        custom.unknown_of_datmo = tuple(unknown)
        return custom
