"""URLs of remotes after git's rewriting by `insteadOf` and `pushInsteadOf` (git-config)."""

from __future__ import annotations

import os
import re

from git_datmo.git.config import Config

HELPER_PREFIX = "datmo::"

_USER = re.compile(r"(?<=://)[^/@]*@")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)


def plain_url(url: str) -> str:
    """Return a URL without the prefix that starts the remote helper."""
    return url.removeprefix(HELPER_PREFIX)


def fetch_url(config: Config, name: str) -> str:
    """Return the URL from which git fetches remote `name`, or '' for a remote without one."""
    urls = config.all(f"remote.{name}.url")
    return whole_url(config, _rewrite(config, plain_url(urls[0]), "insteadof")) if urls else ""


def push_urls(config: Config, name: str) -> tuple[str, ...]:
    """Return the URLs to which git pushes for remote `name`."""
    explicit = config.all(f"remote.{name}.pushurl")
    # Git does not apply `pushInsteadOf` to an explicit push URL (git-config).
    if explicit:
        return tuple(
            whole_url(config, _rewrite(config, plain_url(url), "insteadof")) for url in explicit
        )
    return tuple(bare_url(config, url, push=True) for url in config.all(f"remote.{name}.url"))


def bare_url(config: Config, url: str, *, push: bool = False) -> str:
    """Return the URL that git uses for one that was given in place of a remote's name."""
    url = plain_url(url)
    rewritten = _rewrite(config, url, "pushinsteadof") if push else url
    return whole_url(config, rewritten if rewritten != url else _rewrite(config, url, "insteadof"))


def pin_url(config: Config, url: str) -> list[tuple[str, str]]:
    """Return settings that keep git from rewriting `url` again."""
    if not any(setting.key.startswith("url.") for setting in config.settings):
        return []
    # The longest match wins, so the whole URL is replaced by itself.
    return [(f"url.{url}.insteadof", url), (f"url.{url}.pushinsteadof", url)]


def is_bundle(url: str) -> bool:
    """Return True for a URL that is a file. Git takes it for a bundle, and no server answers for
    it."""
    return os.path.isfile(url.removeprefix("file://"))


def without_user(url: str) -> str:
    """Return a URL without user name and password."""
    return _USER.sub("", url)


def location(url: str) -> str:
    """Return the host and path of a URL, the same for every scheme and spelling of one
    repository."""
    bare = _SCHEME.sub("", without_user(url))
    if bare == url:
        # Git's short form for ssh: `user@host:path`.
        host, colon, path = url.partition(":")
        bare = f"{host.rpartition('@')[2]}/{path.lstrip('/')}" if colon and "/" not in host else url
    return bare.rstrip("/").removesuffix(".git")


def whole_url(config: Config, url: str) -> str:
    """Return a relative path as an absolute one: our children may work in another folder."""
    is_path = ":" not in url.partition("/")[0] and not os.path.isabs(url)
    return (
        os.path.normpath(os.path.join(config.folder, url))
        if is_path and url and config.folder
        else url
    )


def _rewrite(config: Config, url: str, how: str) -> str:
    """Replace the longest prefix of `url` that a setting of the kind `how` names."""
    ending = f".{how}"
    matching = [
        (len(setting.value), setting.key)
        for setting in config.settings
        if setting.key.startswith("url.")
        and setting.key.endswith(ending)
        and url.startswith(setting.value)
    ]
    if not matching:
        return url
    length, key = max(matching, key=lambda match: match[0])
    return key[len("url.") : -len(ending)] + url[length:]
