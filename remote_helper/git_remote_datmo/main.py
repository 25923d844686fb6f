"""Entry of the remote helper."""


def main() -> int:
    return 0
