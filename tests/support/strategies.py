"""Draw names and ids, keep trees in memory, and ask git about them in a bare repository."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import strategies as st

from git_datmo.git.object_encoding import TreeEntry, parse_tree
from git_datmo.git.safe_paths import is_safe
from git_datmo.model import SHA1, SHA256, ObjectFormat, Oid
from tests.support.shell import Shell, seal

formats = st.sampled_from([SHA1, SHA256])

# Names that are close to special names of file systems, of git or of the format.
SPECIAL = [
    *(
        ".git",
        ".gitmodules",
        ".gitattributes",
        ".gitignore",
        ".mailmap",
        "git~1",
        "GITMOD~1",
        "gi7eba~1",
        "~1000000",
    ),
    *(
        ".datmo-file",
        ".datmo-exec",
        ".datmo-part",
        ".datmo-name",
        "0.datmo-part",
        "0000000000000000",
        "a",
        "A",
        "-",
    ),
    *(
        ".",
        "..",
        "\u200c",
        "\ufeff",
        " ",
        ":",
        "\\",
        "\n",
        "\x7f",
        "\u00e4",
        "a\u0308",
        "\U0001f600",
        "*",
        "[",
        "?",
    ),
]

_special = st.lists(st.sampled_from(SPECIAL), min_size=1, max_size=4).map("".join).map(str.encode)
_cased = st.builds(lambda name, upper: name.upper() if upper else name, _special, st.booleans())
_bytes = st.binary(min_size=1, max_size=12)
_dotgit = st.builds(
    lambda a, name, b: a + name + b, _bytes | st.just(b""), _cased, _bytes | st.just(b"")
)

# Names without the bytes that no file system allows: a slash and a NUL.
raw_names = (_cased | _bytes | _dotgit | st.integers(0, 99).map(b"%d".__mod__)).filter(
    lambda name: b"/" not in name and b"\0" not in name
)
safe_names = raw_names.filter(is_safe)
_around = st.sampled_from(["", "", " ", ".", ":", ":x", "\u200c", "\ufeff", "\\", "a\\", "\\b"])
unsafe_names = (
    st.builds(
        lambda a, name, b: f"{a}{name}{b}".encode(),
        _around,
        st.sampled_from([".git", ".GIT", "git~1"]),
        _around,
    )
    | st.sampled_from([b"", b".", b"..", b"a/b", b"/", b"a\0"])
).filter(lambda name: not is_safe(name))


def oids(form: ObjectFormat = SHA1) -> st.SearchStrategy[Oid]:
    """Draw ids whose last byte, which decides the cuts of chunk trees, is often a special one."""
    head = st.binary(min_size=form.size - 1, max_size=form.size - 1)
    return st.builds(
        lambda start, last: Oid(start + last),
        head,
        st.sampled_from([b"\0", b"\x80"]) | st.binary(min_size=1, max_size=1),
    )


@dataclass
class Trees:
    """Hold trees in memory, and count their reads."""

    format: ObjectFormat = SHA1
    stored: dict[Oid, bytes] = field(default_factory=dict)
    reads: list[Oid] = field(default_factory=list)

    def write(self, content: bytes) -> Oid:
        oid = self.format.hash("tree", content)
        self.stored[oid] = content
        return oid

    def read(self, oid: Oid) -> Iterable[TreeEntry]:
        self.reads.append(oid)
        # The empty tree is everywhere, as it is in git.
        return parse_tree(
            b"" if oid == self.format.hash("tree", b"") else self.stored[oid], self.format
        )


def bare(folder: Path, form: ObjectFormat, *config: str) -> Shell:
    """Make a bare repository in a folder of its own; each of `config` is `key=value`."""
    shell = Shell(folder, seal(folder / "home"))
    shell.git("init", "-q", "--bare", f"--object-format={form.name}", "repo.git")
    inside = shell.at("repo.git")
    for setting in config:
        inside.git("config", *setting.split("=", 1))
    return inside
