"""Commands that give space back, to be killed: what they must not lose is on both sides."""

from __future__ import annotations

from tests.support.crash_scenes import Scene, commit, two, write
from tests.support.crash_world import World


def spent(world: World) -> None:
    """Both versions are on the remote; the first is dropped, here alone, and half of what is stored
    is for nothing."""
    two(world)
    shell = world.shell("alex")
    shell.git("push", "-q", "origin", "main", "one", "two")
    world.now += 1
    world.run("alex", ["datmo", "drop", first(world)])


def first(world: World) -> str:
    """The id of Alex's oldest snapshot."""
    return world.shell("alex").git("notes", "--ref=datmo", "show", "one").split()[0]


def add_what_nobody_needs(world: World) -> None:
    """Half a pack that is for nothing."""
    write(world.live / "alex" / "data" / "more", "more" * 1000)
    write(world.live / "alex" / "vain", "in vain" * 100_000)
    world.run("alex", ["datmo", "add-data", "data", "vain"])
    world.run("alex", ["datmo", "rm", "vain"])


def three(world: World) -> None:
    """A third version follows, which is not on the remote yet."""
    spent(world)
    write(world.live / "alex" / "data" / "a", "three")
    world.run("alex", ["datmo", "add-data", "data"])
    commit(world, "three")


def spoil_a_pack(world: World) -> None:
    """An object of the largest pack is damaged; the remote has it."""
    packs = (world.live / "alex" / ".git" / "datmo" / "store.git" / "objects" / "pack").glob(
        "*.pack"
    )
    path = max(packs, key=lambda pack: pack.stat().st_size)
    content = bytearray(path.read_bytes())
    content[14:18] = bytes(byte ^ 0xFF for byte in content[14:18])
    # Its bytes may be the remote's too, under another name.
    path.unlink()
    path.write_bytes(content)


REPAIR = Scene("fsck", spent, ("datmo", "fsck", "--repair"), before=spoil_a_pack)
SCENES = (
    Scene("gc", spent, ("datmo", "gc"), before=add_what_nobody_needs),
    Scene("evict", spent, ("datmo", "evict", "--all")),
    Scene("drop on the remote", spent, ("datmo", "drop", "--remote")),
    Scene("share and drop on the remote", three, ("datmo", "drop", "--remote"), every=2),
)
