"""Complete the stored code of a run with the untracked files that it needed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence

from git_datmo.model import Content
from git_datmo.payloads.code_files import UNTRACKED_LIMIT, add_untracked, untracked_files
from git_datmo.progress import Progress
from git_datmo.repository.workspace import Workspace
from git_datmo.runs.begun_run import Before
from git_datmo.runs.run_outputs import KeptOutputs
from git_datmo.runs.run_reads import Used, needed_code
from git_datmo.terminal_text import quote_word


def whole_code(
    ws: Workspace,
    before: Before,
    used: Used,
    kept: KeptOutputs,
    programs: Iterable[bytes],
    warnings: list[str],
    progress: Progress,
) -> tuple[Content, set[bytes]]:
    """Return the code with the untracked files that the run needed, and the set of these files.

    The run needed a file if it imported or executed it, or if the command names it.
    """
    candidates = before.untracked
    if candidates:
        # The run may have made a candidate an output, or removed it.
        candidates &= untracked_files(ws, kept.tracking)
    needed = needed_code(used, candidates, programs) - before.named
    code, remarks = add_untracked(ws, before.code, needed, progress=progress)
    warnings += remarks
    warnings += _left_out(ws, sorted(candidates - before.named - needed), seen=bool(used.read))
    return code, needed | before.named


def _left_out(ws: Workspace, paths: Sequence[bytes], *, seen: bool) -> Iterator[str]:
    """Yield a warning about untracked files that the record does not contain.

    If the reads were not `seen`, it covers all files, else only those that are too large.
    """
    limit = ws.repo.config.number("datmo.untrackedlimit", UNTRACKED_LIMIT)
    root = os.fsencode(ws.root)
    large = [path for path in paths if _size(os.path.join(root, path)) > limit]
    names = [os.fsdecode(path) for path in (large if seen else paths)]
    if names:
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        yield (
            f"'{names[0]}'{more} {'are' if more else 'is'} untracked, and not part of the record:"
            f" if the command needs it, 'git datmo add-data {quote_word(names[0])}' tracks it"
            " as data, and 'git add' as code"
        )


def _size(path: bytes) -> int:
    """Return the size of a file in bytes; 0 if it is gone."""
    try:
        return os.lstat(path).st_size
    except OSError:
        return 0
