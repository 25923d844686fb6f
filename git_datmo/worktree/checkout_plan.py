"""Hold the plan of a checkout, and the conflict that prevents one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from git_datmo.errors import DatmoError
from git_datmo.git.safe_paths import show
from git_datmo.objects.ingest import FileRead
from git_datmo.objects.tree_differences import TreeDifference
from git_datmo.objects.tree_nodes import Node
from git_datmo.worktree.path_steps import is_file

# A path of the working tree with its old and new node.
Step = tuple[bytes, TreeDifference]


class CheckoutConflict(DatmoError):
    """Error for files that are not stored and would be overwritten.

    `paths` lists them.
    """

    def __init__(self, paths: list[bytes]) -> None:
        """Build the message from the first three paths."""
        shown = ", ".join(show(path) for path in paths[:3]) + (", …" if len(paths) > 3 else "")
        super().__init__(
            f"{len(paths)} file{'s' if len(paths) > 1 else ''} would be overwritten: {shown}",
            "store them with 'git datmo snapshot', or give them up with 'git datmo checkout"
            " --force'",
        )
        self.paths = tuple(paths)


@dataclass(frozen=True, slots=True)
class Placement:
    """Plan for a single payload.

    `steps` yields each path with its old and new node. A plan can have millions of steps, so a long
    list is computed again on each call. `folders` are the folders that receive files. `removes` is
    True if any path is removed. `keep` are new files that the working tree already has. `blocking`
    are existing files at paths where the new version has no file. `forget` are files that are
    correctly missing but still in the stat cache.
    """

    steps: Callable[[], Iterator[Step]]
    folders: frozenset[bytes]
    removes: bool
    keep: Mapping[bytes, FileRead]
    blocking: frozenset[bytes]
    forget: tuple[bytes, ...]

    def removed(self) -> Iterator[tuple[bytes, bool]]:
        """Yield each path to remove before the first write, with True for a folder.

        A folder comes after its content.
        """
        for path, step in self.steps() if self.removes else ():
            if path in self.keep:
                continue
            if path in self.blocking or (is_file(step.old) and not is_file(step.new)):
                yield path, False
            elif step.old is not None and not is_file(step.old):
                yield path, True

    def written(self) -> Iterator[tuple[bytes, Node]]:
        """Return an iterator over files and folders to create, folders before their content."""
        return (
            (path, step.new)
            for path, step in self.steps()
            if step.new is not None and path not in self.keep
        )

    @property
    def changes_files(self) -> bool:
        """Return True if the plan writes anything or removes a file."""
        return any(True for _ in self.written()) or any(
            not is_folder for _, is_folder in self.removed()
        )

    def __bool__(self) -> bool:
        """Return True if the plan changes anything in the working tree."""
        return any(True for _ in self.written()) or any(True for _ in self.removed())
