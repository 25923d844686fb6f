"""Write the documents of the page: JSON without secrets, and without numbers that JSON lacks."""

from __future__ import annotations

import base64
import gzip
import json
import math
from collections.abc import Collection
from typing import Any

from git_datmo.secrets.secret_rules import MASK, is_secret_value, mask

# Strings of at most this length can hold no secret that the rules know.
_HARMLESS = 5
_HEX = frozenset("0123456789abcdef")
_REMEMBERED = 100_000
_PLAIN = {bool, int, float, type(None)}


class Masker:
    """Masks secrets in texts. Equal texts are searched once."""

    def __init__(self, known: Collection[str]) -> None:
        self._known = known
        self._masked: dict[str, str] = {}

    def text(self, text: str) -> str:
        """Return a text without secrets, and without halves of characters."""
        # Ids are frequent, and hold no secret.
        if _is_id(text):
            return text
        found = self._masked.get(text)
        if found is None:
            # Lone surrogates cannot be written as UTF-8.
            whole = text.encode("utf-8", "replace").decode()
            found = whole if len(whole) <= _HARMLESS else mask(whole, self._known)
            if len(self._masked) < _REMEMBERED and len(text) < 1000:
                self._masked[text] = found
        return found

    def named(self, name: str, value: Any) -> Any:
        """Return the value of a name; masked if the name is that of a secret."""
        if isinstance(value, str) and value != MASK and is_secret_value(name, value):
            return MASK
        return value

    def clean(self, value: Any) -> Any:
        """Return a document as JSON can express it, without secrets."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, float):
            return value if math.isfinite(value) else show_infinite(value)
        if isinstance(value, dict):
            return {self.text(str(key)): self.clean(each) for key, each in value.items()}
        if isinstance(value, list | tuple):
            if set(map(type, value)) <= _PLAIN and all(
                map(math.isfinite, [each for each in value if each is not None])
            ):
                return value
            return [self.clean(each) for each in value]
        return value


def _is_id(text: str) -> bool:
    return len(text) in {10, 40, 64} and _HEX.issuperset(text)


def show_infinite(value: float) -> str:
    """Return the text for a number that JSON lacks."""
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def encode_document(document: Any) -> bytes:
    """Return a clean document as JSON."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode()


def compress(content: bytes) -> bytes:
    """Return content as gzip; the same content always gives the same bytes."""
    return gzip.compress(content, 6, mtime=0)


def script_of(name: str, content: bytes) -> bytes:
    """Return the script that gives a document to a page without a server."""
    packed = base64.b64encode(compress(content)).decode()
    return f'datmo.document("{name}","{packed}");\n'.encode()
