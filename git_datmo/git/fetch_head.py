"""Reads FETCH_HEAD, which tells from where git fetched last, and what (git-fetch)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from git_datmo.git.remote_urls import plain_url
from git_datmo.git.user_repository import UserRepository

_SOURCE = re.compile(r" of (?P<url>\S.*)\Z")


def read_fetched(repo: UserRepository) -> list[str]:
    """Return what git says of each ref that the last fetch brought, as `branch 'main' of URL`."""
    try:
        lines = (repo.git_dir / "FETCH_HEAD").read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return []
    return [line.split("\t")[-1] for line in lines]


def fetched_from(lines: Iterable[str]) -> str:
    """Return the URL from which these refs came, '' for none."""
    return next((match["url"] for text in lines if (match := _SOURCE.search(text))), "")


def name_of(repo: UserRepository, url: str) -> str:
    """Return the remote that has a URL as FETCH_HEAD shows it: without user, trailing slashes and
    '.git'."""
    for name in repo.remotes():
        if _shown(repo.config.get(f"remote.{name}.url")) == _shown(url):
            return name
    return ""


def all_sources(repo: UserRepository) -> tuple[str, ...]:
    """Return the remotes, the default one first, and the URL of the last fetch where no remote has
    it."""
    names = repo.remotes()
    first = repo.default_remote()
    last = fetched_from(read_fetched(repo))
    # A path without a slash cannot be told from the name of a remote.
    unnamed = (last,) if re.search(r"[/:]", last) and not name_of(repo, last) else ()
    return (*([first] if first else []), *(name for name in names if name != first), *unnamed)


def _shown(url: str) -> str:
    bare = re.sub(r"(?<=://)[^/@]*@", "", plain_url(url))
    return bare.rstrip("/").removesuffix(".git").rstrip("/")
