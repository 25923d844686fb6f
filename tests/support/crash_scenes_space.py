"""Define commands that free space, to be killed, with both sides' data."""

from __future__ import annotations

from tests.support.crash_scenes import Scene, commit, two, write
from tests.support.crash_world import World


def spent(world: World) -> None:
    """Share both versions and drop the first locally, so that half of the store is unneeded."""
    two(world)
    shell = world.shell("alex")
    shell.git("push", "-q", "origin", "main", "one", "two")
    world.now += 1
    world.run("alex", ["datmo", "drop", first(world)])


def first(world: World) -> str:
    """Return the id of Alex's oldest snapshot."""
    return world.shell("alex").git("notes", "--ref=datmo", "show", "one").split()[0]


def shared(world: World) -> None:
    """Share both versions and their records with the remote."""
    two(world)
    world.shell("alex").git("push", "-q", "origin", "main", "one", "two")
    world.now += 1


def add_what_nobody_needs(world: World) -> None:
    """Add unneeded objects of half a pack."""
    write(world.live / "alex" / "data" / "more", "more" * 1000)
    write(world.live / "alex" / "vain", "in vain" * 100_000)
    world.run("alex", ["datmo", "add-data", "data", "vain"])
    world.run("alex", ["datmo", "rm", "vain"])


def three(world: World) -> None:
    """Make an unshared third version."""
    spent(world)
    write(world.live / "alex" / "data" / "a", "three")
    world.run("alex", ["datmo", "add-data", "data"])
    commit(world, "three")


def spoil_a_pack(world: World) -> None:
    """Damage an object of the largest pack, which the remote has."""
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
