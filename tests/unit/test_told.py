"""Test the cache of rendered log entries, which is rebuilt wherever it is lost or damaged."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from git_datmo.history.render_cache import RenderCache, TextFormat

STYLE = TextFormat("style-1", lambda snapshot: snapshot.message)
TEXTS = {"a" * 40: "one\ntext", "b" * 40: "the other\t\x0egreen\x0f é", "c" * 40: ""}


def told(folder: Path) -> dict[str, str]:
    return RenderCache(folder, STYLE).texts


def test_texts_are_kept_by_record_and_style(tmp_path: Path) -> None:
    folder = tmp_path / "told"
    assert told(folder) == {}
    first, *rest = TEXTS.items()
    RenderCache(folder, STYLE).add(dict([first]))
    one = RenderCache(folder, STYLE)
    one.add(dict(rest))
    assert one.texts == TEXTS == told(folder)
    assert RenderCache(folder, STYLE._replace(name="style-2")).texts == {}


SPOILT: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("cut off", lambda raw: raw[:-3]),
    ("a letter of a text", lambda raw: raw.replace(b"one", b"two")),
    ("a letter of an id", lambda raw: raw.replace(b"a" * 40, b"d" * 40)),
    ("a letter of a checksum", lambda raw: raw[:1] + bytes([raw[1] ^ 1]) + raw[2:]),
    ("bytes in between", lambda raw: raw[:30] + b"\xff\0\n" + raw[30:]),
    ("nothing left", lambda _: b""),
]


@pytest.mark.parametrize("spoil", [pytest.param(spoil, id=what) for what, spoil in SPOILT])
def test_damaged_cached_text_is_dropped_and_added_again(
    tmp_path: Path, spoil: Callable[[bytes], bytes]
) -> None:
    RenderCache(tmp_path, STYLE).add(TEXTS)
    path = tmp_path / STYLE.name
    path.write_bytes(spoil(path.read_bytes()))
    left = told(tmp_path)
    assert left.items() < TEXTS.items()
    RenderCache(tmp_path, STYLE).add(
        {record: text for record, text in TEXTS.items() if record not in left}
    )
    assert told(tmp_path) == TEXTS


def test_unwritable_cache_folder_is_ignored(tmp_path: Path) -> None:
    (tmp_path / "told").write_bytes(b"")
    RenderCache(tmp_path / "told" / "below", STYLE).add(TEXTS)
    os.mkdir(tmp_path / STYLE.name)
    RenderCache(tmp_path, STYLE).add(TEXTS)
