"""Test the cached facts about hosts, their refusals, and their namespaces."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from git_datmo.errors import DatmoError, GitFailed
from git_datmo.git.config import Config, Setting
from git_datmo.git.remote_commands import Offer, Rejected, Remote
from git_datmo.records.namespaces import NAMESPACES, epoch_of, in_use, namespace_of
from git_datmo.remotes.host_profiles import Hosts
from git_datmo.remotes.refusals import is_rate_limit, is_too_large

ORIGIN = Remote("origin", "https://me:secret@example.com/team/faces")


def hosts(path: Path, **settings: str) -> Hosts:
    return Hosts(
        path,
        Config(
            tuple(Setting("local", f"datmo.origin.{key}", value) for key, value in settings.items())
        ),
    )


def test_facts_are_kept_by_url_and_without_secrets(tmp_path: Path) -> None:
    known = hosts(tmp_path / "hosts")
    assert known.learn(ORIGIN, limit=5, namespace="refs/heads/git-datmo")
    assert not known.learn(ORIGIN, limit=5)
    assert (known.of(ORIGIN).limit, known.of(ORIGIN).atomic) == (5, True)
    assert known.of(Remote("upstream", "https://example.com/team/faces")) == known.of(ORIGIN)
    assert known.of(Remote("origin", "https://example.com/other")).limit == 0
    assert "secret" not in (tmp_path / "hosts").read_text()


def test_configured_values_override_probed_facts(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    hosts(path).meet(ORIGIN, Offer({}, 2, filters=True, by_id=True))
    set_by_hand = hosts(
        path, filter="false", wantsbyid="no", atomic="off", namespace="refs/heads/git-datmo/"
    )
    host = set_by_hand.of(ORIGIN)
    assert (host.filters, host.by_id, host.atomic, host.namespace) == (
        False,
        False,
        False,
        "refs/heads/git-datmo",
    )
    assert hosts(path).of(ORIGIN).filters


def test_probed_facts_are_dropped_when_host_changes(tmp_path: Path) -> None:
    known, offer = hosts(tmp_path / "hosts"), Offer({}, 2, filters=True, by_id=True)
    assert known.meet(ORIGIN, offer).by_id
    known.learn(ORIGIN, refuses_ids=True, atomic=False)
    assert (known.meet(ORIGIN, offer).by_id, known.of(ORIGIN).atomic) == (False, False)
    other = known.meet(ORIGIN, Offer({}, 2, filters=False, by_id=True))
    assert (other.by_id, other.filters, other.atomic) == (True, False, True)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"https://example.com/team/faces": 7}',
        '{"https://example.com/team/faces": {"limit": "x"}}',
    ],
)
def test_damaged_file_of_known_hosts_is_ignored(tmp_path: Path, text: str) -> None:
    path = tmp_path / "hosts"
    path.write_text(text)
    assert hosts(path).of(ORIGIN).limit == 0
    hosts(path).learn(ORIGIN, limit=3)
    assert json.loads(path.read_text())["https://example.com/team/faces"]["limit"] == 3


@pytest.mark.parametrize(
    ("said", "large", "often"),
    [
        ("remote: fatal: pack exceeds maximum allowed size (2.00 GiB)", True, False),
        ("error: RPC failed; HTTP 413 curl 22 The requested URL returned error: 413", True, False),
        (
            "remote: error: TF402462: The push was rejected because its size is greater than the limit",
            True,
            False,
        ),
        ("error: RPC failed; HTTP 429 curl 22 The requested URL returned error: 429", False, True),
        ("remote: You have exceeded a secondary rate limit", False, True),
        ("remote: Too many requests, try again later", False, True),
        ("remote: error: hook declined to update refs/datmo/keep/1", False, False),
        ("fatal: unable to access: Could not resolve host", False, False),
    ],
)
def test_messages_of_hosts_are_classified(said: str, large: bool, often: bool) -> None:
    errors: list[DatmoError] = [
        GitFailed(["push"], 128, said),
        Rejected("refs/datmo/keep/1", "unpacker error", moved=False, said=said),
    ]
    assert [(is_too_large(error), is_rate_limit(error)) for error in errors] == [(large, often)] * 2


def test_namespaces_are_distinguished_by_ref() -> None:
    names = [name for ns in NAMESPACES for name in (ns.records, ns.notes, ns.keep_ref(3))]
    assert len(set(names)) == len(names)
    assert [namespace_of(name) for name in names] == [ns for ns in NAMESPACES for _ in range(3)]
    assert [epoch_of(name) for name in names] == [0, 0, 3] * len(NAMESPACES)
    assert [epoch_of(f"refs/datmo/keep/{odd}") for odd in ("", "0", "01", "1x", "-1", "1/2")] == [
        0
    ] * 6
    # Notes alone may be a person's own: they do not make a namespace one that is used.
    assert in_use(["refs/heads/main", "refs/notes/datmo", "refs/heads/git-datmo/keep/x"]) == ()
    assert in_use(["refs/heads/git-datmo/records", "refs/datmo/keep/1"]) == (
        NAMESPACES[0],
        NAMESPACES[2],
    )
