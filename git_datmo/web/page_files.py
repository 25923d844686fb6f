"""Find the built page: its script, its styles, and the HTML that loads them."""

from __future__ import annotations

from importlib.resources import files

from git_datmo.errors import DatmoError

INDEX, SCRIPT, STYLES = "index.html", "page.js", "page.css"
LIVE, STATIC = "live", "static"
_MARK = b'data-mode="live"'


def read_page(mode: str) -> dict[str, bytes]:
    """Return the files of the page by name, for a server (`LIVE`) or for an export (`STATIC`).

    Raises `DatmoError` if this installation has no built page.
    """
    folder = files("git_datmo.web") / "dist"
    try:
        page = {name: (folder / name).read_bytes() for name in (INDEX, SCRIPT, STYLES)}
    except OSError:
        raise DatmoError(
            "this installation of git-datmo has no built page",
            "install a released version, or build it as CONTRIBUTING.md says",
        ) from None
    if mode != LIVE:
        page[INDEX] = page[INDEX].replace(_MARK, f'data-mode="{mode}"'.encode(), 1)
    return page
