"""Measure the traffic of sharing, compared with plain git, git-lfs and DVC.

Run it by `python -m benchmarks.transport`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import data
from benchmarks.__main__ import ENVIRONMENTS
from benchmarks.contest import Box, Command, CommandFailed
from benchmarks.lfs_server import PACKAGE, Counted, has_server, serve_lfs
from benchmarks.object_server import ObjectServer, serve_objects
from benchmarks.page import grid
from benchmarks.tools.base import Tool
from benchmarks.tools.gits import Lfs
from benchmarks.tools.own_environments import Dvc
from benchmarks.tools.sharing import SHARERS, Sharer, sharing_tools
from tests.support.servers.http_host import serve_http
from tests.support.shell import seal

SMALL = 4096
ABOUT = """\
One run each, over HTTP on this machine. Sent and received are bytes of the bodies of requests and answers, git's and
those of the store where a tool has one beside git. A dataset is one file of {size} MiB and {files} of 4 KiB."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """Traffic: the bytes of bodies from and to the client, and the number of requests."""

    sent: int = 0
    received: int = 0
    requests: int = 0

    def __add__(self, other: Traffic) -> Traffic:
        return Traffic(
            self.sent + other.sent, self.received + other.received, self.requests + other.requests
        )

    def __sub__(self, other: Traffic) -> Traffic:
        return Traffic(
            self.sent - other.sent, self.received - other.received, self.requests - other.requests
        )


Meter = Callable[[], Traffic]

# Where those that keep data beside git keep it.
STORES: dict[str, Callable[[Path], AbstractContextManager[Counted | ObjectServer]]] = {
    Dvc.name: serve_objects,
    Lfs.name: serve_lfs,
}


@dataclass
class Measured:
    """Traffic of one tool, case by case."""

    sharer: Sharer
    meter: Meter
    rows: dict[str, tuple[Traffic, float]] = field(default_factory=dict)

    def take(self, case: str, command: Command) -> None:
        before = self.meter()
        sample = self.sharer.box.time(command)
        self.rows[case] = (self.meter() - before, sample.wall)
        print(
            f"  {self.sharer.tool.name}, {case}: {sample.wall:.1f} s", file=sys.stderr, flush=True
        )


@dataclass(frozen=True, slots=True)
class Size:
    """A dataset's: bytes of its large file, number of its small ones."""

    large: int
    files: int

    def lay(self, folder: Path, seed: str) -> None:
        (folder / "many").mkdir(parents=True)
        with open(folder / "large", "wb") as file:
            for start in range(0, self.large, data.BLOCK):
                part = min(data.BLOCK, self.large - start)
                file.write(data.random_block(f"{seed}-{start}", part))
        for number in range(self.files):
            path = folder / "many" / f"{number:06}"
            path.write_bytes(data.random_block(f"{seed}-file-{number}", SMALL))

    def change(self, folder: Path, seed: str) -> None:
        """Change every hundredth small file, and a hundredth of the large one in its middle."""
        with open(folder / "large", "r+b") as file:
            file.seek(self.large // 2)
            file.write(data.random_block(f"{seed}-change", self.large // 100))
        for number in range(0, self.files, 100):
            (folder / "many" / f"{number:06}").write_bytes(
                data.random_block(f"{seed}-change-{number}", SMALL)
            )


def play(told: Measured, size: Size) -> None:
    """The life of a team's data, each step of which is a case."""
    sharer, box = told.sharer, told.sharer.box
    alex, ignacio, older = box.work, box.folder / "ignacio", box.folder / "older"
    sharer.begin(alex)
    box.perform(sharer.clone(ignacio))
    if not (ignacio / "code.py").exists():
        box.run("git", "checkout", "-q", "-f", cwd=ignacio)
    for name in ("data", "other"):
        size.lay(alex / name, name)
    share(told, alex, "push: first", "data", "other")
    box.run("cp", "-a", str(alex), str(older))

    size.lay(ignacio / "data", "data")
    sharer.prepare(ignacio)
    share(told, ignacio, "push: the same added by another", "data", branch="ignacio")
    size.change(alex / "data", "one")
    share(told, alex, "push: 1% changed", "data")
    prepend(alex / "data" / "large", b"inserted")
    share(told, alex, "push: insertion at the front", "data")
    (alex / "data").rename(alex / "place")
    sharer.leave(alex, "data")
    share(told, alex, "push: moved", "place")
    mix(alex, size)
    share(told, alex, "push: half of one, half of another", "mixed")
    size.change(older / "data", "older")
    share(told, older, "push: branch off an older version", "data", branch="older")
    receive(told, size)


def share(told: Measured, work: Path, case: str, *paths: str, branch: str = "main") -> None:
    told.sharer.take(work, *paths)
    told.sharer.commit(work, case)
    told.take(case, told.sharer.push(work, branch))


def receive(told: Measured, size: Size) -> None:
    sharer, box = told.sharer, told.sharer.box
    alex, bare, one = box.work, box.folder / "bare", box.folder / "one"
    told.take("clone", sharer.clone(bare))
    before, clone = told.rows["clone"], told.rows
    told.take("checkout", sharer.checkout(bare))
    after = clone.pop("checkout")
    told.rows["clone and checkout"] = (before[0] + after[0], before[1] + after[1])
    for name in ("place", "other", "mixed"):
        box.run("diff", "-r", str(alex / name), str(bare / name))
    box.perform(sharer.clone(one))
    told.take("one file of many", sharer.one_file(one, "place/many/000007"))
    size.change(alex / "place", "last")
    sharer.take(alex, "place")
    sharer.commit(alex, "last")
    box.perform(sharer.push(alex))
    told.take("fetch of 1% changed", sharer.update(bare))
    box.run("diff", "-r", str(alex / "place"), str(bare / "place"))


def prepend(path: Path, content: bytes) -> None:
    path.write_bytes(content + path.read_bytes())


def mix(work: Path, size: Size) -> None:
    """Half of the small files of either dataset, and a file of half of either large one."""
    (work / "mixed" / "many").mkdir(parents=True)
    for number in range(size.files):
        source = work / ("place" if number % 2 else "other") / "many" / f"{number:06}"
        shutil.copyfile(source, work / "mixed" / "many" / f"{number:06}")
    halves = [(work / name / "large").read_bytes() for name in ("place", "other")]
    (work / "mixed" / "large").write_bytes(
        halves[0][: size.large // 2] + halves[1][size.large // 2 :]
    )


def measure(tool: Tool, folder: Path, size: Size) -> Measured:
    """Play with one tool, on servers of its own."""
    box = Box(folder / tool.name.replace(" ", "_"))
    hub = box.side / "hub.git"
    box.run("git", "init", "-q", "--bare", str(hub))
    box.run("git", "config", "uploadpack.allowFilter", "true", cwd=hub)
    with ExitStack() as stack:
        host = stack.enter_context(serve_http(seal(box.side / "home", bare=False)))

        def gits() -> Traffic:
            done = host.exchanges
            return Traffic(
                sum(each.bytes_in for each in done), sum(each.bytes_out for each in done), len(done)
            )

        store, meter = "", gits
        if tool.name in STORES:
            other = stack.enter_context(STORES[tool.name](box.side / "objects"))
            store = other.url

            def both() -> Traffic:
                return gits() + Traffic(other.bytes_in, other.bytes_out, other.requests)

            meter = both
        told = Measured(SHARERS[tool.name](tool, box, host.url(hub), store), meter)
        try:
            play(told, size)
        finally:
            box.delete()
        return told


def table(all_told: list[Measured]) -> Iterator[str]:
    cases = list(dict.fromkeys(case for told in all_told for case in told.rows))
    rows = []
    for case in cases:
        for place, told in enumerate(told for told in all_told if case in told.rows):
            traffic, wall = told.rows[case]
            figures = (
                f"{traffic.sent:,}",
                f"{traffic.received:,}",
                f"{traffic.requests}",
                f"{wall:.2f}",
            )
            rows.append(("" if place else case, told.sharer.tool.name, *figures))
    yield from grid(("case", "tool", "sent", "received", "requests", "seconds"), rows)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.transport", description=__doc__)
    parser.add_argument(
        "--large", type=int, default=32, metavar="MIB", help="size of a large file (%(default)s)"
    )
    parser.add_argument(
        "--files", type=int, default=1000, metavar="N", help="how many small files (%(default)s)"
    )
    parser.add_argument("--tools", metavar="NAME,...", help="these alone")
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(tempfile.gettempdir()),
        help="where to work (%(default)s)",
    )
    parser.add_argument(
        "--environments",
        type=Path,
        default=os.environ.get(ENVIRONMENTS),
        metavar="FOLDER",
        help=f"holds the virtual environment of DVC, named 'dvc' (${ENVIRONMENTS})",
    )
    options = parser.parse_args()
    environments = Path(options.environments).absolute() if options.environments else None
    wanted = options.tools.split(",") if options.tools else list(SHARERS)
    folder = Path(tempfile.mkdtemp(prefix="datmo-transport-", dir=options.folder)).resolve()
    told, left_out = [], []
    for tool in sharing_tools(environments):
        if tool.name not in wanted:
            continue
        if not tool.version():
            left_out.append(f"{tool.name} is left out: not installed ({tool.package})")
            continue
        if tool.name == Lfs.name and not has_server():
            left_out.append(f"{tool.name} is left out: its server is not installed ({PACKAGE})")
            continue
        try:
            told.append(measure(tool, folder, Size(options.large << 20, options.files)))
        except CommandFailed as error:
            left_out.append(f"{tool.name} failed: {error}")
    shutil.rmtree(folder, ignore_errors=True)
    print(
        ABOUT.format(size=options.large, files=options.files),
        "",
        *table(told),
        "",
        *left_out,
        sep="\n",
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
