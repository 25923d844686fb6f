"""Test hosts with more restrictions than git: data are shared in another way, and the next push
knows it."""

from __future__ import annotations

import json

import pytest

from tests.support.commands import datmo, experiments, refused
from tests.support.pair import Pair
from tests.support.shell import Shell


def change(shell: Shell, text: str) -> None:
    """Commit new code and new data; make a snapshot of both."""
    shell.write("data/x", text)
    datmo(shell, "add-data", "data")
    shell.commit(f"{shell.cwd.name}.py", text)


def hook(hub: Shell, name: str, text: str) -> None:
    hub.write(f"hooks/{name}", f"#!/bin/sh\n{text}\n").chmod(0o755)


def refs(hub: Shell) -> list[str]:
    return hub.git("for-each-ref", "--format=%(refname)").splitlines()


@pytest.mark.parametrize(
    ("refused_refs", "place"),
    [
        ("refs/datmo/*", "refs/notes/git-datmo"),
        ("refs/datmo/*|refs/notes/*", "refs/heads/git-datmo"),
    ],
    ids=["no namespace of ours", "branches alone"],
)
def test_host_that_refuses_some_refs_gets_another_namespace(
    pair: Pair, refused_refs: str, place: str
) -> None:
    hub, alex = pair.hub, pair.alex
    hook(hub, "update", f'case "$1" in {refused_refs}) echo unknown namespace >&2; exit 1;; esac')
    change(alex, "one")
    told = alex.run("git", "push", "origin", "main").stderr.splitlines()
    assert len([line for line in told if line.startswith("git-datmo: ") and place in line]) == 1, (
        told
    )
    assert {ref for ref in refs(hub) if ref != "refs/heads/main"} == {
        f"{place}/{name}" for name in ("keep/1", "notes", "records")
    }
    ignacio = pair.clone()
    datmo(ignacio, "checkout")
    assert (ignacio.cwd / "data/x").read_text() == "one"
    change(ignacio, "two")
    assert "git-datmo" not in ignacio.run("git", "push", "origin", "main").stderr.replace(
        "snapshot", ""
    )
    # Plain git brings the records, and nothing that is kept; pruning takes nothing away.
    for _ in range(2):
        alex.git("pull", "-q", "--prune")
    assert [each["payloads"][0]["size"] for each in experiments(alex)] == [3, 3]
    assert not [
        name for name in alex.git("for-each-ref", "refs/remotes").split() if "/keep/" in name
    ]
    assert not hub.git("fsck", "--strict", "--no-dangling")


def test_configured_namespace_is_used(pair: Pair) -> None:
    alex = pair.alex
    change(alex, "one")
    alex.git("config", "datmo.origin.namespace", "refs/elsewhere")
    refused(alex, "push", says=("'refs/elsewhere' is not a namespace", "refs/heads/git-datmo"))
    alex.git("config", "datmo.origin.namespace", "refs/heads/git-datmo")
    alex.git("push", "-q", "origin", "main")
    assert "refs/heads/git-datmo/records" in refs(pair.hub)
    # A clone without this setting finds the namespace, and goes on in it.
    ignacio = pair.clone()
    change(ignacio, "two")
    ignacio.git("push", "-q", "origin", "main")
    assert not [ref for ref in refs(pair.hub) if ref.startswith(("refs/datmo", "refs/notes"))]
    # It is freed there, too.
    datmo(ignacio, "drop", experiments(ignacio)[1]["id"])
    datmo(ignacio, "drop", "--remote")
    assert "refs/heads/git-datmo/keep/2" in refs(pair.hub)
    assert "refs/heads/git-datmo/keep/1" not in refs(pair.hub)
    third = pair.clone("third")
    assert len(experiments(third)) == 1
    datmo(third, "checkout")
    assert not pair.hub.git("fsck", "--strict", "--no-dangling")


def test_cached_facts_about_changed_host_are_probed_again(pair: Pair) -> None:
    """Change a host so that it refuses more than before, and damage the file of its facts."""
    alex, known = pair.alex, pair.alex.cwd / ".git/datmo/hosts"
    hook(pair.hub, "update", 'case "$1" in refs/datmo/*) exit 1;; esac')
    change(alex, "one")
    alex.git("push", "-q", "origin", "main")
    (facts,) = json.loads(known.read_text()).values()
    assert facts["namespace"] == "refs/notes/git-datmo"
    for ref in refs(pair.hub):
        pair.hub.git("update-ref", "-d", ref)
    hook(pair.hub, "update", 'case "$1" in refs/datmo/*|refs/notes/*) exit 1;; esac')
    datmo(alex, "push")
    assert "refs/heads/git-datmo/records" in refs(pair.hub)
    for ref in refs(pair.hub):
        pair.hub.git("update-ref", "-d", ref)
    (pair.hub.cwd / "hooks/update").unlink()
    known.write_text("{")
    datmo(alex, "push")
    assert "refs/datmo/records" in refs(pair.hub)


def test_host_that_hides_refs_from_those_who_fetch_gets_others(pair: Pair) -> None:
    """Check a host whose pushes succeed, though no other user can fetch the refs."""
    hub, alex = pair.hub, pair.alex
    hub.git("config", "uploadpack.hideRefs", "refs/datmo")
    change(alex, "one")
    told = alex.run("git", "push", "origin", "main").stderr
    assert (
        "refuses or hides refs below refs/datmo: what is shared goes below refs/notes/git-datmo"
        in told
    )
    ignacio = pair.clone()
    datmo(ignacio, "checkout")
    assert (ignacio.cwd / "data/x").read_text() == "one"
    # Refs that a host hides later are noticed, and shared again under visible names.
    hub.git("config", "--add", "uploadpack.hideRefs", "refs/notes")
    change(alex, "two")
    alex.git("push", "-q", "origin", "main")
    assert "refs/heads/git-datmo/records" in refs(hub)
    hub.git("config", "--add", "uploadpack.hideRefs", "refs/heads/git-datmo")
    change(alex, "three")
    failed = alex.run("git", "push", "origin", "main", code=1).stderr
    assert "hides all refs that git-datmo can use from fetches" in failed


def test_host_that_takes_one_namespace_of_branches_gets_all_there(pair: Pair) -> None:
    hub, alex, name = pair.hub, pair.alex, "refs/heads/users/alex/git-datmo"
    hook(hub, "update", 'case "$1" in refs/heads/users/alex/*|refs/heads/main) ;; *) exit 1;; esac')
    change(alex, "one")
    assert alex.run("git", "push", "origin", "main", ok=False).returncode
    alex.git("config", "datmo.origin.namespace", name)
    alex.git("push", "-q", "origin", "main")
    assert set(refs(hub)) == {
        "refs/heads/main",
        f"{name}/keep/1",
        f"{name}/notes",
        f"{name}/records",
    }
    # Readers find it without being told, and go on there.
    ignacio = pair.clone()
    datmo(ignacio, "checkout")
    assert (ignacio.cwd / "data/x").read_text() == "one"
    change(ignacio, "two")
    ignacio.git("push", "-q", "origin", "main")
    alex.git("pull", "-q")
    assert len(experiments(alex)) == 2
    assert not [ref for ref in alex.git("for-each-ref", "refs/remotes").split() if "/keep/" in ref]


def test_host_that_refuses_notes_gets_the_experiments(pair: Pair) -> None:
    hub, alex = pair.hub, pair.alex
    hook(hub, "update", 'case "$1" in refs/notes/*) echo no notes >&2; exit 1;; esac')
    change(alex, "one")
    told = alex.run("git", "push", "origin", "main").stderr
    assert told.count("refuses 'refs/notes/datmo'") == 1
    ignacio = pair.clone()
    datmo(ignacio, "checkout")
    assert (ignacio.cwd / "data/x").read_text() == "one"
    change(alex, "two")
    assert "refuses 'refs" not in alex.run("git", "push", "origin", "main").stderr
    # Where it takes them after all, they follow with the next experiment.
    (hub.cwd / "hooks/update").unlink()
    change(alex, "three")
    alex.git("push", "-q", "origin", "main")
    assert "refs/notes/datmo" in refs(hub)


@pytest.mark.parametrize("way", ["hook", "denyDeletes"])
def test_drop_on_host_that_refuses_deletion_names_what_stays(pair: Pair, way: str) -> None:
    hub, alex, space = pair.hub, pair.alex, "refs/datmo"
    if way == "denyDeletes":
        # Git refuses this for branches alone.
        space = "refs/heads/git-datmo"
        alex.git("config", "datmo.origin.namespace", space)
    change(alex, "one")
    change(alex, "two")
    alex.git("push", "-q", "origin", "main")
    datmo(alex, "drop", experiments(alex)[1]["id"])
    if way == "hook":
        hook(hub, "update", 'case "$3" in *[1-9a-f]*) ;; *) echo "no deletion" >&2; exit 1;; esac')
    else:
        hub.git("config", "receive.denyDeletes", "true")
        hub.git("config", "receive.denyNonFastForwards", "true")
    for _ in range(2):
        said = f"'origin' refuses to delete '{space}/keep/1', by which it goes on keeping what was dropped"
        refused(alex, "drop", "--remote", says=(said, "then run the command again"))
        assert {ref for ref in refs(hub) if "/keep/" in ref} == {
            f"{space}/keep/1",
            f"{space}/keep/2",
        }
    # The hint is true.
    hub.git("update-ref", "-d", f"{space}/keep/1")
    datmo(alex, "drop", "--remote")
    ignacio = pair.clone()
    datmo(ignacio, "checkout")
    assert (ignacio.cwd / "data/x").read_text() == "two"
