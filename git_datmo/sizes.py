"""Show numbers of bytes, of things and of seconds."""


def show_size(size: float) -> str:
    """Return a number of bytes as git shows it: binary units, two decimals."""
    return "1 byte" if size == 1 else size_in_summary(size)


def size_in_summary(size: float) -> str:
    """Return a number of bytes as the summary of a record has it (FORMAT.md, section 9).

    The noun is always in the plural, since two writers must write the same line.
    """
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size} bytes" if unit == "bytes" else f"{size:.2f} {unit}"
        size /= 1024
    return f"{size:.2f} TiB"


def show_count(number: int, noun: str) -> str:
    """Return a number with its noun, such as '1 file' or '2 files'."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def show_duration(seconds: float) -> str:
    """Return a duration in its two largest units, such as '42 s', '3 min 20 s' or '2 d 4 h'."""
    rest, parts = int(seconds), list[str]()
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        number, rest = divmod(rest, size)
        if number:
            parts.append(f"{number} {unit}")
        elif parts:
            break
    return " ".join(parts[:2]) or "0 s"
