"""Write the manual pages and the site's reference pages: `python -m git_datmo.cli.pages`."""

from __future__ import annotations

from pathlib import Path

from git_datmo.cli.manual import page_names, roff
from git_datmo.cli.reference import reference_pages


def write_pages(docs: Path) -> None:
    """Write all pages below the folder `docs`; remove the manual pages of removed verbs."""
    manual = {name: roff(verb) for name, verb in page_names()}
    for name, text in manual.items():
        (docs / "man" / name).write_text(text, "utf-8")
    for path in (docs / "man").glob("*.1"):
        if path.name not in manual:
            path.unlink()
    for name, text in reference_pages(docs).items():
        (docs / "reference" / name).write_text(text, "utf-8")


if __name__ == "__main__":
    write_pages(Path(__file__).parents[2] / "docs")
