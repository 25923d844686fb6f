"""Objects of the code repository: read through one `git cat-file --batch`, written as loose
objects."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from git_datmo import fsio, permissions
from git_datmo.errors import Damaged, DamagedFile, DatmoError
from git_datmo.git.command import Git
from git_datmo.model import ObjectFormat, Oid
from git_datmo.watched_child import Child

# The kind and size of a loose object take fewer bytes than this.
HEAD = 64
LOST_OBJECT_HINT = (
    "'git fsck' names damaged files: remove them, then run 'git fetch --refetch' to get the"
    " objects again"
)


def loose_path(objects: Path, oid: Oid) -> Path:
    """Return the path of a loose object."""
    text = str(oid)
    return objects / text[:2] / text[2:]


def write_loose(objects: Path, form: ObjectFormat, kind: str, content: bytes) -> Oid:
    """Write one small loose object, unless it exists (gitformat-loose)."""
    oid = form.hash(kind, content)
    path = loose_path(objects, oid)
    if not path.exists():
        raw = zlib.compress(b"%s %d\0" % (kind.encode(), len(content)) + content, 1)
        # Git ignores files with this prefix among its objects, and removes old ones (git-gc).
        fsio.write_file(path, raw, mode=permissions.READ_ONLY, prefix="tmp_obj_")
    return oid


def read_loose(objects: Path, oid: Oid, limit: int | None = None) -> tuple[str, bytes] | None:
    """Return the kind and content of a loose object; None if it is missing.

    Raises `Damaged` for an object of more than `limit` bytes, before more of them are inflated.
    """
    name = oid.hex()
    try:
        with open(f"{objects}/{name[:2]}/{name[2:]}", "rb", buffering=0) as file:
            raw = _inflate(file.read(), limit)
    except FileNotFoundError:
        return None
    except zlib.error as error:
        raise DamagedFile(
            f"cannot read object '{oid}': {error}", path=str(loose_path(objects, oid))
        ) from error
    head, _, content = raw.partition(b"\0")
    kind, _, size = head.partition(b" ")
    if size != b"%d" % len(content):
        what = f"cannot read object '{oid}': it is not as long as it says"
        raise DamagedFile(what, path=str(loose_path(objects, oid)))
    return kind.decode("ascii", "replace"), content


def read_loose_head(objects: Path, oid: Oid) -> tuple[str, int] | None:
    """Return the kind and size of a loose object without its content; None if it is missing."""
    path = loose_path(objects, oid)
    try:
        with open(path, "rb", buffering=0) as file:
            raw = zlib.decompressobj().decompress(file.read(HEAD), HEAD)
        kind, size = raw.partition(b"\0")[0].decode("ascii").split(" ")
        return kind, int(size)
    except FileNotFoundError:
        return None
    except (zlib.error, ValueError) as error:
        raise DamagedFile(f"cannot read object '{oid}': {error}", path=str(path)) from error


def _inflate(data: bytes, limit: int | None) -> bytes:
    if limit is None:
        return zlib.decompress(data)
    machine = zlib.decompressobj()
    raw = machine.decompress(data, limit + HEAD)
    if not machine.eof:
        raise Damaged(f"an object has more than {limit} bytes")
    return raw


class Odb:
    """The object database of the code repository."""

    def __init__(self, git: Git, objects: Path, form: ObjectFormat) -> None:
        self._git = git
        self._objects = objects
        self.format = form
        self._child: Child | None = None

    def find(self, oid: Oid | str, limit: int | None = None) -> tuple[str, bytes] | None:
        """Return the kind and content of an object; None if it is missing."""
        child = self._start()
        # `contents` would send the whole object, however large it is.
        if limit is not None:
            self._ask(child, b"info", [oid])
            head = self._read_head(child)
            if head is None:
                return None
            if int(head[2]) > limit:
                raise Damaged(f"object '{oid}' has {head[2]} bytes, more than {limit}")
        self._ask(child, b"contents", [oid])
        return self._answer(child)

    def resolve(self, name: str) -> Oid | None:
        """Return the id of the object that a revision names now; None for none.

        Git reads the refs again for each question.
        """
        child = self._start()
        self._ask(child, b"info", [name])
        head = self._read_head(child)
        return Oid.parse(head[0]) if head is not None else None

    def _start(self) -> Child:
        # An interrupt from the terminal ends the child, while a run's command goes on.
        if self._child is not None and self._child.poll() is not None:
            self.close()
        if self._child is None:
            self._child = self._git.start("cat-file", "--batch-command")
        return self._child

    def _ask(self, child: Child, command: bytes, oids: Iterable[Oid | str]) -> None:
        assert child.stdin is not None
        child.stdin.write(b"".join(b"%s %s\n" % (command, str(oid).encode()) for oid in oids))
        child.stdin.flush()

    def _read_head(self, child: Child) -> list[str] | None:
        """Return the id, kind and size of the object that git answers with; None where it has
        none."""
        assert child.stdout is not None
        head = child.stdout.readline().decode("utf-8", "replace").split()
        if not head:
            raise DatmoError("git cat-file ended early", "run 'git fsck'")
        return None if head[-1] in ("missing", "ambiguous") else head

    def _answer(self, child: Child) -> tuple[str, bytes] | None:
        head = self._read_head(child)
        if head is None:
            return None
        assert child.stdout is not None
        content = child.stdout.read(int(head[2]))
        # A line end follows the content (git-cat-file, "Batch output").
        child.stdout.read(1)
        return head[1], content

    def find_all(self, oids: Sequence[Oid]) -> Iterator[tuple[str, bytes] | None]:
        """Yield the result of `find` for several objects, in order.

        Git is asked for all of them at once, so there should be at most some hundred.
        """
        # Records are written as loose objects, which are read faster than git answers.
        loose = {oid: read_loose(self._objects, oid) for oid in oids}
        packed = [oid for oid in oids if loose[oid] is None]
        child = self._start() if packed else None
        if child is not None:
            # The request must fit the pipe: git may stop reading until its answers are read.
            self._ask(child, b"contents", packed)
        answers = {oid: self._answer(child) for oid in packed} if child is not None else {}
        return ((loose[oid] or answers[oid]) for oid in oids)

    def find_small(self, oids: Sequence[Oid], limit: int) -> dict[Oid, bytes]:
        """Return those of some hundred objects that are blobs of at most `limit` bytes."""
        child = self._start()
        self._ask(child, b"info", oids)
        heads = [(oid, self._read_head(child)) for oid in oids]
        small = [oid for oid, head in heads if head and head[1] == "blob" and int(head[2]) <= limit]
        self._ask(child, b"contents", small)
        answers = [(oid, self._answer(child)) for oid in small]
        return {oid: answer[1] for oid, answer in answers if answer is not None}

    def read(self, oid: Oid | str, kind: str, limit: int | None = None) -> bytes:
        """Return the content of an object of a known kind; raise `Damaged` if it is another or
        missing."""
        found = self.find(oid, limit)
        if found is None or found[0] != kind:
            raise Damaged(f"cannot read {kind} '{oid}'", LOST_OBJECT_HINT)
        return found[1]

    def write(self, kind: str, content: bytes) -> Oid:
        """Write an object and return its id."""
        return write_loose(self._objects, self.format, kind, content)

    def close(self) -> None:
        """End the git child."""
        if self._child is None:
            return
        # An interrupt may have ended the child already.
        with suppress(BrokenPipeError):
            self._child.communicate()
        self._child = None


@contextmanager
def open_odb(git: Git, common_dir: Path, form: ObjectFormat) -> Iterator[Odb]:
    """Open the object database until the block ends."""
    odb = Odb(git, Path(os.path.join(common_dir, "objects")), form)
    try:
        yield odb
    finally:
        odb.close()
