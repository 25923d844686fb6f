"""Format sizes."""


def show_size(size: float) -> str:
    """Return a number of bytes in binary units with two decimals, as git does."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size} bytes" if unit == "bytes" else f"{size:.2f} {unit}"
        size /= 1024
    return f"{size:.2f} TiB"
