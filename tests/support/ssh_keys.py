"""Let git sign with SSH keys in tests, and trust them."""

from __future__ import annotations

from pathlib import Path

from tests.support.shell import Shell


def use_ssh(shell: Shell) -> None:
    """Make a key, and let git sign with it."""
    key = Path(shell.env["HOME"]) / "key"
    shell.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "alex", "-f", key)
    shell.git("config", "--global", "gpg.format", "ssh")
    shell.git("config", "--global", "user.signingKey", f"{key}.pub")


def trust_ssh(shell: Shell) -> None:
    """Let git trust the key of the tests' author."""
    home = Path(shell.env["HOME"])
    (home / "allowed").write_text(f"author@example.com {(home / 'key.pub').read_text()}")
    shell.git("config", "--global", "gpg.ssh.allowedSignersFile", home / "allowed")
