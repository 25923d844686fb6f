"""Test that a host which cannot omit objects is asked for the link that brought them."""

from __future__ import annotations

from pathlib import Path
from random import Random

from tests.support.commands import datmo, objects, picture
from tests.support.pair import Pair
from tests.support.servers.http_host import HttpHost
from tests.support.shared_data import MIB, clone, share
from tests.support.shell import Shell

NOTING = '#!/bin/sh\ntee -a "$NOTED" | git-upload-pack "$@"\n'


def noting(pair: Pair, ignacio: Shell) -> tuple[Shell, Path]:
    """Log a clone's requests to a file."""
    pair.top.write("noting", NOTING).chmod(0o755)
    ignacio.git("config", "remote.origin.uploadpack", str(pair.top.cwd / "noting"))
    noted = pair.top.cwd / "noted"
    return ignacio.having(NOTED=str(noted)), noted


def test_large_payload_without_filters_is_fetched_by_the_links_that_brought_it(pair: Pair) -> None:
    """Check that no tree is requested by its id, since the host would search everything below it
    for deltas."""
    share(pair, {"first": Random(21).randbytes(36 * MIB)})
    share(pair, {"second": Random(22).randbytes(2 * MIB)}, "second")
    ignacio = clone(pair, f"file://{pair.hub.cwd}")
    ignacio, noted = noting(pair, ignacio)
    assert datmo(ignacio, "checkout").stderr == ""
    assert picture(ignacio.cwd / "data") == picture(pair.alex.cwd / "data")
    asked = noted.read_text("ascii", "replace")
    trees = {oid for oid, (kind, _) in objects(pair.hub).items() if kind == "tree"}
    assert not {oid for oid in trees if f"want {oid}" in asked}
    links = set(pair.hub.git("rev-list", "--first-parent", "refs/datmo/keep/1").split())
    assert {line[9:] for line in asked.splitlines() if "have " in line} <= links


def test_change_without_filters_is_fetched_by_its_link_alone(
    pair: Pair, http_host: HttpHost
) -> None:
    share(pair, {"big": Random(23).randbytes(4 * MIB), "small": b"one"})
    ignacio = clone(pair, http_host.url(pair.hub.cwd))
    datmo(ignacio, "checkout")
    share(pair, {"small": Random(24).randbytes(50_000)}, "second")
    ignacio.git("fetch", "-q")
    http_host.exchanges.clear()
    ignacio.git("merge", "-q", "--ff-only", "origin/main")
    assert picture(ignacio.cwd / "data") == picture(pair.alex.cwd / "data")
    assert sum(exchange.bytes_out for exchange in http_host.exchanges) < 80_000


def test_folder_without_filters_is_fetched_by_its_own_link(pair: Pair, http_host: HttpHost) -> None:
    for number in range(5):
        share(pair, {f"{number}/noise": Random(number).randbytes(400_000)}, f"{number}")
    ignacio = clone(pair, http_host.url(pair.hub.cwd))
    http_host.exchanges.clear()
    datmo(ignacio, "checkout", "HEAD", "--", "data/2")
    assert (ignacio.cwd / "data/2/noise").read_bytes() == (
        pair.alex.cwd / "data/2/noise"
    ).read_bytes()
    assert sum(exchange.bytes_out for exchange in http_host.exchanges) < 900_000
