"""Apply deltas (gitformat-pack). The result's size is checked first, since a few bytes can copy a
large base many times."""

from __future__ import annotations

from git_datmo.errors import Damaged

# Above this product of the sizes of base and delta, count the result before it is made.
DOUBTFUL = 64 << 20


def apply_delta(base: bytes, delta: bytes, limit: int | None = None) -> bytes:
    """Apply a delta to its base.

    Raises `Damaged` if it is no delta of that base, or makes more than `limit` bytes.
    """
    if limit is not None or len(base) * len(delta) > DOUBTFUL:
        size = delta_size(delta)
        if limit is not None and size > limit:
            raise Damaged(f"a delta makes {size} bytes, more than {limit}")
    from dulwich.errors import ApplyDeltaError
    from dulwich.pack import apply_delta as apply

    try:
        return b"".join(apply(base, delta))
    except (ApplyDeltaError, AssertionError, ValueError, LookupError) as error:
        raise Damaged(f"a delta cannot be applied: {error}") from error


def delta_size(delta: bytes) -> int:
    """Return the number of bytes that a delta makes, counted over its instructions.

    Raises `Damaged` if the delta is cut off or its head says another number.
    """
    try:
        _, position = _read_size(delta, 0)
        said, position = _read_size(delta, position)
        size = 0
        while position < len(delta):
            count, position = _instruction(delta, position)
            size += count
    except IndexError:
        raise Damaged("a delta is cut off") from None
    if position > len(delta):
        raise Damaged("a delta is cut off")
    if size != said:
        raise Damaged(f"a delta makes {size} bytes, and its head says {said}")
    return size


def _read_size(delta: bytes, position: int) -> tuple[int, int]:
    """Return a number with 7 bits a byte, and the position behind it."""
    size = shift = 0
    while True:
        byte = delta[position]
        position += 1
        size |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return size, position


def _instruction(delta: bytes, position: int) -> tuple[int, int]:
    """Return the bytes that an instruction makes, and the position behind it."""
    command = delta[position]
    position += 1
    # An insertion: the command is the number of bytes that follow.
    if not command & 0x80:
        return command, position + command
    # The low 4 bits say which bytes of the copied range's offset follow, the next 3 those of its
    # size.
    position += (command & 0x0F).bit_count()
    count = 0
    for bit in range(3):
        if command & (0x10 << bit):
            count |= delta[position] << (8 * bit)
            position += 1
    # A size of 0 stands for 65,536 (gitformat-pack).
    return count or 0x10000, position
