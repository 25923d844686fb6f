"""Settings of the documentation site. `python -m sphinx -W docs docs/_build` builds it."""

import re
from typing import Any

from git_datmo import __version__

project = "git-datmo"
release = version = __version__
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build", "man"]
myst_heading_anchors = 4
smartquotes = False  # two dashes before an option stay two

html_theme = "furo"
html_title = f"git-datmo {version}"
html_show_copyright = False
html_show_sphinx = False
html_copy_source = False
html_theme_options = {"navigation_with_keys": True}

_LINK = re.compile(r"\[([^\]]+)\]\(((?:\.\./)+)[^)]*\)")


def _drop_outside_links(_app: Any, page: str, source: list[str]) -> None:
    """Replace links to files outside of `docs/`, which the site does not have, by their text."""
    depth = page.count("/")
    source[0] = _LINK.sub(
        lambda link: link[1] if link[2].count("/") > depth else link[0], source[0]
    )


def setup(app: Any) -> None:
    """Connect to Sphinx."""
    app.connect("source-read", _drop_outside_links)
