"""Name links of payloads that lead out of them: where a payload is placed or rerun, they may lead
nowhere."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from git_datmo.payloads.addable_paths import name_links
from git_datmo.progress import Progress
from git_datmo.worktree.outside_links import Fault, LinkCheck


def placed_link_remarks(
    root: Path, links: Iterable[bytes], payloads: Iterable[str]
) -> Iterator[str]:
    """Yield a line for each payload below `root` of which some of the placed `links` lead out of
    it."""
    if not (placed := list(links)):
        return
    check = LinkCheck(os.fsencode(root))
    tops = [os.fsencode(path) for path in payloads]
    for link in placed:
        top = next((top for top in tops if link.startswith(top + b"/")), None)
        if top is not None:
            check.look(link, top)
    for (top, fault), faulty in check.found.items():
        if fault is Fault.OUTSIDE:
            links_lead = "1 link leads" if faulty.count == 1 else f"{faulty.count} links lead"
            yield (
                f"{links_lead} out of '{os.fsdecode(top)}', to what is not part of it:"
                f" {name_links(faulty)}"
            )


def tell_placed_links(
    root: Path, links: Iterable[bytes], payloads: Iterable[str], progress: Progress
) -> None:
    """Tell of links that were just placed and lead out of their payloads."""
    for remark in placed_link_remarks(root, links, payloads):
        progress.tell(remark)
