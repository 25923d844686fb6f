"""Make a clone for one command: a remote's experiments, and the commits of one revision."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from git_datmo.errors import DatmoError
from git_datmo.git.command import LOCATING, Git
from git_datmo.git.remote_commands import Offer, Remote, beside, fetch_ids, fetch_refs, find_remote
from git_datmo.git.remote_commands import probe as list_refs
from git_datmo.model import SHA1, SHA256, ObjectFormat, Oid
from git_datmo.objects.store_location import create_store, store_path
from git_datmo.progress import Progress
from git_datmo.remotes.fetch_objects import fetch
from git_datmo.repository.workspace import Workspace, open_workspace

REMOTE = "origin"
TIP = "refs/datmo-get/tip"
_NAME_END = re.compile(r"[~^:]|@\{")
_WHOLE_ID = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})\Z")


@contextmanager
def throwaway_clone(
    environ: Mapping[str, str], url: str, folder: Path, progress: Progress
) -> Iterator[tuple[Workspace, Offer]]:
    """Open a new repository in `folder` with the experiments of the remote at `url`.

    Also gives the refs of the remote. The caller removes the folder. No commit, file or data is
    fetched. Raises `GitFailed` if the remote cannot be reached.
    """
    env = {name: value for name, value in environ.items() if name not in LOCATING}
    offer = _begin(env, url, folder, SHA1)
    # Only the ids show the remote's object format, so the repository may be made twice.
    if any(len(str(oid)) != 40 for oid in offer.refs.values()):
        offer = _begin(env, url, folder, SHA256)
    with open_workspace(env, folder) as ws:
        create_store(ws.repo.git, store_path(ws.repo.common_dir), ws.repo.format)
        fetch(ws, REMOTE, progress=progress)
        yield ws, offer


def _begin(env: Mapping[str, str], url: str, folder: Path, form: ObjectFormat) -> Offer:
    """Make an empty repository whose remote is `url`, and return the remote's refs."""
    shutil.rmtree(folder, ignore_errors=True)
    words = ("init", "-q", f"--object-format={form.name}", "--template=", "--", str(folder))
    Git(env).run(*words)
    Git(env, folder / ".git", folder).run("config", f"remote.{REMOTE}.url", url)
    with open_workspace(env, folder) as ws:
        remote = find_remote(ws.repo.config, REMOTE)
        return list_refs(beside(ws.repo.git, ws.repo.config, remote), remote)


def fetch_revision(ws: Workspace, offer: Offer, revision: str, progress: Progress) -> Oid:
    """Fetch the commits of a revision ('' is HEAD), and return its id.

    A remote that can leave objects out sends commits alone. Others send the newest commit with its
    files; `deepen` gets the rest.
    """
    remote = find_remote(ws.repo.config, REMOTE)
    git = beside(ws.repo.git, ws.repo.config, remote)
    how = "--filter=tree:0" if offer.filters else "--depth=1"
    found = _NAME_END.search(revision)
    base, suffix = (
        (revision, "")
        if found is None
        else (
            revision[: found.start()],
            revision[found.start() :],
        )
    )
    ref = _find_ref(offer, base)
    if suffix and not offer.filters:
        how = "--quiet"  # the parents are needed, too
    if ref:
        fetch_refs(git, remote, [f"+{ref}:{TIP}"], progress, how)
        return _resolve(ws, f"{TIP}{suffix}", revision)
    if _WHOLE_ID.match(base):
        fetch_ids(git, remote, [Oid.parse(base)], progress, how)
        return _resolve(ws, revision, revision)
    _fetch_all(git, remote, progress, how)
    return _resolve(ws, revision, revision)


def _resolve(ws: Workspace, name: str, revision: str) -> Oid:
    """Return the commit that `name` is; raise `DatmoError` that names the user's `revision`."""
    try:
        return ws.repo.resolve(name)
    except DatmoError as error:
        raise DatmoError(
            f"bad revision '{revision or 'HEAD'}': the remote has no commit of that name",
            "'git ls-remote URL' lists its branches and tags",
        ) from error


def _find_ref(offer: Offer, name: str) -> str:
    """Return the remote's ref that git would choose for a name; '' for none."""
    candidates = (name or "HEAD", f"refs/{name}", f"refs/tags/{name}", f"refs/heads/{name}")
    return next((ref for ref in candidates if ref in offer.refs), "")


def _fetch_all(git: Git, remote: Remote, progress: Progress, how: str) -> None:
    """Fetch all branches and tags, for an abbreviated id."""
    options = (how,) if how.startswith("--filter") else ("--quiet",)
    refspecs = ["+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"]
    fetch_refs(git, remote, refspecs, progress, *options)


def deepen(ws: Workspace, progress: Progress) -> bool:
    """Fetch the commits that a shallow fetch left out; return False if it left none out."""
    if ws.repo.git.text("rev-parse", "--is-shallow-repository").strip() != "true":
        return False
    remote = find_remote(ws.repo.config, REMOTE)
    git = beside(ws.repo.git, ws.repo.config, remote)
    fetch_refs(git, remote, [], progress, "--unshallow")
    return True


def split_revision(source: str) -> tuple[str, str]:
    """Divide `URL@REV` into URL and revision ('' for none).

    A `@` before the host, and one in the name of a folder that exists, belong to the URL.
    """
    if Path(source).exists():
        return source, ""
    scheme = source.find("://")
    if scheme >= 0:
        start = source.find("/", scheme + 3)
    else:
        colon, slash = source.find(":"), source.find("/")
        start = colon if colon >= 0 and (slash < 0 or colon < slash) else 0
    at = source.find("@", max(start, 0)) if start >= 0 else -1
    if at < 0:
        return source, ""
    if not source[:at] or not source[at + 1 :]:
        raise DatmoError(
            f"'{source}' is not of the form URL[@REV]", "give a URL, and a revision behind '@'"
        )
    return source[:at], source[at + 1 :]
