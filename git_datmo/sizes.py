"""How a number of bytes is shown."""


def show_size(size: float) -> str:
    """Bytes as git shows them: binary units, two decimals."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size} bytes" if unit == "bytes" else f"{size:.2f} {unit}"
        size /= 1024
    return f"{size:.2f} TiB"
