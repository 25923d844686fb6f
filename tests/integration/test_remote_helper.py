"""What plain git does, git does through `datmo::` too: each story is told to both, beside each other, on every host."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from git_datmo.flows.workspace import open_workspace
from git_datmo.model import Oid
from git_datmo.records.types import Annotation, Person
from tests.servers.hosting import Host
from tests.servers.shell import Done, Shell, seal
from tests.servers.ssh import SshHost

# What git-datmo adds on either side is its own affair; nothing else may differ.
OWN_REFS = ("refs/datmo", "refs/notes/datmo")


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bare repository with two branches and a tag, and beside it a clone, copied by every test."""
    folder = tmp_path_factory.mktemp("template")
    start = Shell(folder, seal(folder / "home"))
    start.git("init", "-q", "work")
    work = start.at("work")
    for number in range(3):
        work.commit("code.py", f"print({number})\n" * 200)
    work.git("tag", "-a", "v1", "-m", "first")
    work.git("checkout", "-q", "-b", "dev")
    work.commit("dev.py", "pass\n")
    work.git("checkout", "-q", "main")
    work.commit("main.py", "pass\n")
    start.git("clone", "-q", "--bare", "work", "served.git")
    served = start.at("served.git")
    served.git("remote", "remove", "origin")
    served.git("config", "receive.advertisePushOptions", "true")
    served.git("config", "uploadpack.allowFilter", "true")
    start.git("clone", "-q", "served.git", "clone")
    return folder


@dataclass(frozen=True)
class Side:
    """One of the two ways to the same content: its own server repository, its own folder, its own prefix."""

    name: str
    prefix: str
    bare: Shell
    top: Shell
    plain_url: str

    @property
    def url(self) -> str:
        return self.prefix + self.plain_url

    @property
    def work(self) -> Shell:
        return self.top.at("work")

    def essence(self, text: str) -> list[str]:
        """The lines that say what happened, without what differs by name alone."""
        told = text.replace(self.url, "URL").replace(self.plain_url, "URL").replace(f"/{self.name}", "/SIDE")
        # git prints URLs without user and without .git here and there.
        told = re.sub(r"^(From|To) .*", r"\1 URL", told, flags=re.MULTILINE)
        told = re.sub(r"(datmo::)?(ssh|http|git|file)://[^\s']*", "URL", told)
        # A helper can reject a ref only in the server's name.
        told = told.replace("[remote rejected] (atomic push failed)", "[rejected] (atomic push failed)")
        kept = r"( [-*+!=t ] |[-*+!=]\t|   [0-9a-f]+\.\.|To |From |Done|Everything|error:|remote: |fatal: transport)"
        return sorted(line.rstrip() for line in told.splitlines() if re.match(kept, line))

    def refs(self, shell: Shell) -> str:
        rows = shell.git("for-each-ref", "--format=%(refname) %(objectname) %(symref)").splitlines()
        return "\n".join(row for row in rows if not row.startswith(OWN_REFS))


@pytest.fixture
def sides(host: Host, template: Path, shell: Callable[..., Shell]) -> tuple[Side, Side]:
    """Plain git and `datmo::`, each with a fresh server repository and a clone of it."""

    def make(name: str, prefix: str) -> Side:
        top = shell(name, **host.environ)
        shutil.copytree(template / "served.git", top.cwd / "served.git")
        shutil.copytree(template / "clone", top.cwd / "work")
        side = Side(name, prefix, top.at("served.git"), top, host.url(top.cwd / "served.git"))
        side.work.git("remote", "set-url", "origin", side.url)
        return side

    return make("plain", ""), make("datmo", "datmo::")


def same(sides: tuple[Side, Side], act: Callable[[Side], Done]) -> Done:
    """Act on both sides and compare exit code, what was said and every ref; the `datmo::` side's outcome."""
    plain, datmo = sides
    expected, got = act(plain), act(datmo)
    assert got.returncode == expected.returncode, f"{expected}\n\n{got}"
    for stream in ("stdout", "stderr"):
        assert datmo.essence(getattr(got, stream)) == plain.essence(getattr(expected, stream)), f"{expected}\n\n{got}"
    assert datmo.refs(datmo.bare) == plain.refs(plain.bare), str(got)
    assert datmo.refs(datmo.work) == plain.refs(plain.work), str(got)
    return got


def in_work(*argv: str) -> Callable[[Side], Done]:
    return lambda side: side.work.run("git", *argv, ok=False)


def push(*argv: str) -> Callable[[Side], Done]:
    return in_work("push", "--porcelain", *argv)


def commit_on_both(sides: tuple[Side, Side], path: str) -> None:
    for side in sides:
        side.work.commit(path, path)


def advance_server(sides: tuple[Side, Side], branch: str) -> None:
    """Somebody else pushes."""
    for side in sides:
        tree = side.bare.git("rev-parse", f"{branch}^{{tree}}")
        commit = side.bare.git("commit-tree", tree, "-p", branch, "-m", "somebody else's")
        side.bare.git("update-ref", f"refs/heads/{branch}", commit)


@pytest.mark.parametrize(
    "how", [(), ("--depth=1",), ("--single-branch", "--branch=dev"), ("--bare",), ("--filter=blob:none",)], ids="".join
)
def test_clone(sides: tuple[Side, Side], how: tuple[str, ...]) -> None:
    plain, datmo = sides
    # A plain path is copied, not fetched, and says so.
    extra = ("--no-local",) if "://" not in plain.plain_url else ()
    for side in sides:
        side.top.run("git", "clone", *how, *(extra if side is plain else ()), side.url, "copy")
    one, other = plain.top.at("copy"), datmo.top.at("copy")
    assert datmo.refs(other) == plain.refs(one)
    assert other.git("log", "--format=%H %D").replace(", refs/notes/datmo", "") == one.git("log", "--format=%H %D")
    assert other.git("rev-parse", "--is-shallow-repository") == one.git("rev-parse", "--is-shallow-repository")
    other.git("fsck", "--connectivity-only")
    assert other.git("config", "remote.origin.vcs") == "datmo"
    assert other.git("config", "remote.origin.url") == datmo.plain_url
    if "--bare" not in how:
        assert other.git("status", "--porcelain") == ""
        other.git("fetch")
        assert other.git("pull") == one.git("pull")


def test_fetch_pull_and_ls_remote(sides: tuple[Side, Side]) -> None:
    same(sides, in_work("ls-remote", "origin"))
    advance_server(sides, "main")
    advance_server(sides, "dev")
    for side in sides:
        side.bare.git("tag", "v2", "main")
        side.bare.git("tag", "-a", "v3", "-m", "three", "dev")
    same(sides, in_work("fetch", "origin", "main"))
    same(sides, in_work("fetch"))
    same(sides, in_work("fetch"))
    same(sides, in_work("pull", "--ff-only"))
    for side in sides:
        side.bare.git("branch", "-D", "dev")
    same(sides, in_work("fetch", "--prune"))
    same(sides, lambda side: side.work.run("git", "ls-remote", "--heads", "--exit-code", side.url, "main"))
    same(sides, lambda side: side.top.run("git", "ls-remote", "--exit-code", side.url, "nothing", ok=False))
    same(sides, lambda side: side.work.run("git", "fetch", side.url, "refs/tags/v1:refs/tags/again"))


def test_shallow_fetches(sides: tuple[Side, Side]) -> None:
    for side in sides:
        extra = ("--no-local",) if side.plain_url == side.url else ()
        side.top.git("clone", "-q", "--depth=1", *extra, side.url, "thin")
    for how in ("--deepen=1", "--depth=3", "--unshallow"):
        same(sides, lambda side, how=how: side.top.at("thin").run("git", "fetch", how))  # type: ignore[misc]
        counts = {side.top.at("thin").git("rev-list", "--count", "HEAD") for side in sides}
        assert len(counts) == 1


def test_pushes_that_are_accepted(sides: tuple[Side, Side]) -> None:
    commit_on_both(sides, "one")
    same(sides, push("--dry-run", "origin", "main"))
    same(sides, push("origin", "main"))
    same(sides, push("origin", "main"))
    same(sides, push("-u", "origin", "main:refs/heads/new/ünï"))
    same(sides, push("origin", "HEAD~2:refs/heads/old", "main:refs/heads/other"))
    for side in sides:
        side.work.git("tag", "light")
        side.work.git("tag", "-a", "heavy", "-m", "heavy")
    same(sides, push("origin", "--tags"))
    same(sides, push("origin", "+HEAD~1:main"))
    same(sides, push("--force", "origin", "HEAD~2:main"))
    same(sides, push("origin", "--delete", "old", "light"))
    same(sides, push("--atomic", "origin", "main:main", "main:refs/heads/both"))
    same(sides, push("-q", "origin", "main:refs/heads/quiet"))


def test_pushes_that_are_rejected(sides: tuple[Side, Side]) -> None:
    advance_server(sides, "main")
    commit_on_both(sides, "mine")
    assert "fetch first" in same(sides, push("origin", "main")).stdout
    same(sides, push("origin", "main", "main:refs/heads/passes"))
    same(sides, push("--atomic", "origin", "main", "main:refs/heads/stays"))
    same(sides, in_work("fetch"))
    assert "non-fast-forward" in same(sides, push("origin", "main")).stdout
    for side in sides:
        side.work.git("tag", "-f", "v1", "HEAD")
    assert "already exists" in same(sides, push("origin", "v1")).stdout
    same(sides, push("origin", "--delete", "nothing"))
    same(sides, push("origin", "nothing"))
    for side in sides:
        hook = side.bare.write("hooks/update", '#!/bin/sh\ncase "$1" in */barred) echo no such luck; exit 1; esac\n')
        hook.chmod(0o755)
    got = same(sides, push("origin", "main:refs/heads/barred", "main:refs/heads/open"))
    assert "hook declined" in got.stdout
    assert "no such luck" in got.stderr
    same(sides, push("--atomic", "origin", "main:refs/heads/barred", "main:refs/heads/shut"))


def test_leases(sides: tuple[Side, Side]) -> None:
    commit_on_both(sides, "mine")
    same(sides, push("--force-with-lease", "origin", "HEAD~1:main"))
    advance_server(sides, "main")
    assert "stale info" in same(sides, push("--force-with-lease", "origin", "main")).stdout
    same(sides, in_work("fetch"))
    same(sides, push("--force-with-lease", "--force-if-includes", "origin", "main"))
    same(sides, push("--force-with-lease=main:HEAD~1", "origin", "main"))
    same(sides, push("--force-with-lease", "origin", "main"))


def test_push_options_reach_the_hook(sides: tuple[Side, Side]) -> None:
    for side in sides:
        hook = side.bare.write(
            "hooks/pre-receive", '#!/bin/sh\necho "got $GIT_PUSH_OPTION_COUNT: $GIT_PUSH_OPTION_0"\n'
        )
        hook.chmod(0o755)
    got = same(sides, push("-o", "ci.skip=\"so\" 'so'", "origin", "main:refs/heads/opted"))
    assert "got 1: ci.skip=\"so\" 'so'" in got.stderr
    for side in sides:
        side.bare.git("config", "receive.advertisePushOptions", "false")
        done = side.work.run("git", "push", "-o", "x", "origin", "main:refs/heads/unasked", ok=False)
        assert done.returncode
        assert "fatal: the receiving end does not support push options" in done.stderr


def test_a_remote_that_is_set_up_by_vcs(sides: tuple[Side, Side]) -> None:
    for side in sides:
        side.work.git("config", "remote.origin.url", side.plain_url)
    sides[1].work.git("config", "remote.origin.vcs", "datmo")
    advance_server(sides, "main")
    same(sides, in_work("pull", "--ff-only"))
    commit_on_both(sides, "after")
    same(sides, push("origin", "main"))
    assert sides[1].work.git("config", "remote.origin.url") == sides[1].plain_url


def annotated_clone(side: Side) -> Shell:
    """A clone that is set up, with one commit and one record that the server lacks."""
    side.top.git("clone", "-q", side.url, "copy")
    copy = side.top.at("copy")
    commit = Oid.parse(copy.commit("new", "new"))
    workspace = open_workspace(copy.env, copy.cwd)
    workspace.ledger.attach(Annotation(commit, commit, "2024-05-01T12:00:00Z", Person("A", "a@example.com"), "why"))
    return copy


def test_what_is_shared_goes_before_the_code(sides: tuple[Side, Side]) -> None:
    datmo = sides[1]
    copy = annotated_clone(datmo)
    order = "#!/bin/sh\ncase $1 in refs/heads/*) git rev-parse -q --verify refs/datmo/records;; esac\n"
    datmo.bare.write("hooks/update", order).chmod(0o755)
    before = datmo.bare.git("for-each-ref")
    copy.git("push", "--dry-run", "origin", "main")
    assert datmo.bare.git("for-each-ref") == before
    copy.git("push", "origin", "main")
    assert datmo.bare.git("rev-parse", "main") == copy.git("rev-parse", "main")
    assert datmo.bare.git("rev-parse", "refs/notes/datmo") == copy.git("rev-parse", "refs/notes/datmo")


def test_code_stays_here_when_sharing_fails(sides: tuple[Side, Side]) -> None:
    datmo = sides[1]
    copy = annotated_clone(datmo)
    datmo.bare.write("hooks/update", "#!/bin/sh\ncase $1 in refs/heads/main) ;; *) exit 1;; esac\n").chmod(0o755)
    before = datmo.bare.git("for-each-ref")
    done = copy.run("git", "push", "origin", "main", code=1)
    assert done.stderr.count("fatal: ") == 1, done.stderr
    assert datmo.bare.git("for-each-ref") == before


def test_a_repository_that_is_not_there(sides: tuple[Side, Side]) -> None:
    for side in sides:
        shutil.rmtree(side.bare.cwd)
    for argv in (("fetch",), ("push", "origin", "main"), ("ls-remote", "origin")):
        codes = {side.work.run("git", *argv, ok=False).returncode for side in sides}
        assert len(codes) == 1, argv
    assert sides[1].top.run("git", "clone", sides[1].url, "copy", ok=False).returncode == 128
    assert not (sides[1].top.cwd / "copy").exists()


def test_protocol_versions(sides: tuple[Side, Side]) -> None:
    for version in ("0", "1", "2"):
        advance_server(sides, "main")
        same(sides, in_work("-c", f"protocol.version={version}", "fetch"))
        traced = (
            sides[1]
            .work.having(GIT_TRACE_PACKET="1")
            .run("git", "-c", f"protocol.version={version}", "ls-remote", "origin")
        )
        assert ("version 2" in traced.stderr) == (version == "2")


def test_a_mirror_push_loses_no_shared_ref(sides: tuple[Side, Side]) -> None:
    datmo = sides[1]
    main = datmo.bare.git("rev-parse", "main")
    for ref in ("refs/datmo/records", "refs/notes/datmo", "refs/datmo/keep/0"):
        datmo.bare.git("update-ref", ref, main)
    before = datmo.bare.git("for-each-ref")
    done = datmo.work.run("git", "push", "--mirror", "origin", code=1)
    assert "a mirror push would lose data" in done.stderr
    assert datmo.bare.git("for-each-ref") == before


def test_transports_that_run_commands_are_refused(make_repo: Callable[..., Shell], tmp_path: Path) -> None:
    work = make_repo()
    touched = tmp_path / "touched"
    for url in (f"ext::touch {touched}", "fd::0", f"datmo::{tmp_path}", "ftp://host/path", "--upload-pack=touch"):
        done = work.run("git", "fetch", f"datmo::{url}", code=128)
        assert done.stderr.count("fatal: ") == 1, done.stderr
        work.git("config", f"url.{url}.insteadOf", "harmless:")
        assert work.run("git", "fetch", "datmo::harmless:", code=128)
        work.git("config", "--remove-section", f"url.{url}")
    assert not touched.exists()


def test_rewritten_urls(http_host: Host, template: Path, make_repo: Callable[..., Shell]) -> None:
    work = make_repo()
    served = work.cwd / "served.git"
    shutil.copytree(template / "served.git", served)
    url = http_host.url(served)
    work.git("config", f"url.{url}.insteadOf", "short:repo")
    work.git("config", f"url.{served}.pushInsteadOf", "short:repo")
    assert work.git("ls-remote", "datmo::short:repo", "main").endswith("refs/heads/main")
    work.commit("new", "new")
    asked = len(http_host.exchanges)  # type: ignore[attr-defined]
    work.git("push", "datmo::short:repo", "main:refs/heads/pushed")
    assert work.at("served.git").git("rev-parse", "pushed") == work.git("rev-parse", "main")
    assert not any("receive-pack" in seen.path for seen in http_host.exchanges[asked:])  # type: ignore[attr-defined]


def test_forbidden_transports_stay_forbidden(sides: tuple[Side, Side], host: Host) -> None:
    scheme = {"path": "file"}.get(host.name, host.name)
    work = sides[1].work
    work.git("config", f"protocol.{scheme}.allow", "never")
    assert f"transport '{scheme}' not allowed" in work.run("git", "fetch", code=128).stderr
    work.git("config", "--unset", f"protocol.{scheme}.allow")
    barred = work.having(GIT_ALLOW_PROTOCOL="datmo")
    assert f"transport '{scheme}' not allowed" in barred.run("git", "fetch", code=128).stderr


@pytest.mark.parametrize("by", ["core.sshCommand", "GIT_SSH", "GIT_SSH_COMMAND"])
def test_the_users_ssh_is_used(
    ssh_host: SshHost, template: Path, make_repo: Callable[..., Shell], tmp_path: Path, by: str
) -> None:
    served = tmp_path / "a served $(touch no) 'repo'.git"
    shutil.copytree(template / "served.git", served)
    work = make_repo()
    work.commit("new", "new")
    command = ssh_host.environ["GIT_SSH_COMMAND"]
    wrapper = work.write("my ssh", f'#!/bin/sh\necho "$@" >>"{tmp_path}/calls"\nexec {command} "$@"\n')
    wrapper.chmod(0o755)
    if by == "GIT_SSH":
        work = work.having(GIT_SSH=str(wrapper))
    elif by == "GIT_SSH_COMMAND":
        work = work.having(GIT_SSH_COMMAND=f"SOME=1 '{wrapper}'")
    else:
        work.git("config", by, f"'{wrapper}' -o LogLevel=ERROR")
    url = ssh_host.url(served)
    work.git("fetch", f"datmo::{url}", "main:refs/heads/got")
    work.git("push", f"datmo::{url}", "main:refs/heads/pushed")
    calls = (tmp_path / "calls").read_text()
    assert "SendEnv=GIT_PROTOCOL" in calls
    assert f"-p {ssh_host.port}" in calls
    scp_like = f"datmo::{ssh_host.user}@127.0.0.1:{served}"
    ported = work.having(GIT_SSH_COMMAND=f"{command} -p {ssh_host.port}")
    assert ported.git("ls-remote", scp_like, "pushed")


def test_a_relative_path_becomes_absolute_in_a_clone(
    template: Path, shell: Callable[..., Shell], tmp_path: Path
) -> None:
    start = shell("start")
    shutil.copytree(template / "served.git", start.cwd / "served.git")
    start.git("clone", "-q", "datmo::served.git", "copy")
    start.at("copy").git("fetch")
    assert start.at("copy").git("config", "remote.origin.url") == str(start.cwd / "served.git")


def test_sha256(host: Host, make_repo: Callable[..., Shell]) -> None:
    served = make_repo("served.git", bare=True, object_format="sha256")
    work = make_repo("work", object_format="sha256", **host.environ)
    commit = work.commit("new", "new")
    url = f"datmo::{host.url(served.cwd)}"
    work.git("push", url, "main")
    work.git("clone", "-q", url, "copy")
    assert work.at("copy").git("rev-parse", "HEAD") == commit
