"""Test that a store whose backend another package adds is used like any other store."""

from __future__ import annotations

from pathlib import Path

from tests.support.backend_package import install_shelf
from tests.support.commands import datmo, objects, picture, refusal
from tests.support.pair import Pair


def test_payload_goes_to_an_added_backend_and_comes_from_it(pair: Pair, tmp_path: Path) -> None:
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    site = install_shelf(tmp_path / "site")
    alex = pair.alex.having(PYTHONPATH=site)
    alex.git("config", "datmo.origin.store", f"shelf://{shelf}")
    alex.write("data/x", "content")
    datmo(alex, "add-data", "data")
    datmo(alex, "snapshot", "-m", "first")
    alex.git("push", "-q")
    assert list(shelf.glob("shelf-sha1/*.pack"))
    blob = alex.git("hash-object", "data/x")
    assert blob not in objects(pair.hub)

    other = pair.clone().having(PYTHONPATH=site)
    other.git("config", "datmo.origin.store", f"shelf://{shelf}")
    datmo(other, "checkout")
    assert picture(other.cwd / "data") == picture(alex.cwd / "data")

    bare = other.having(PYTHONPATH="")
    refusal(datmo(bare, "push", "--store", code=128), "shelf://")
