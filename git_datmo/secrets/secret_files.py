"""Recognize files that hold secrets, by name or content."""

from __future__ import annotations

import re

from git_datmo.secrets.secret_rules import find_secrets

LOOK_LIMIT = 1 << 20

# fmt: off
_NAME = re.compile(
    r"\.env(?:\..+)?|.+\.env|\.envrc|\.netrc|_netrc|\.pypirc|\.npmrc|\.pgpass|\.my\.cnf|\.htpasswd|\.git-credentials"
    r"|id_(?:rsa|dsa|ecdsa|ed25519)(?:_\w+)?|.+\.(?:pem|key|p12|pfx|jks|keystore|kdbx|asc|gpg|age|ppk)"
    r"|(?:.*[_.-])?credentials?(?:\.(?:json|ya?ml|toml|ini|csv|txt))?|(?:.*[_.-])?secrets?(?:\.(?:json|ya?ml|toml|ini|txt))?"
    r"|client_secret.*\.json|service[_-]account.*\.json|kubeconfig|\.dockerconfigjson|terraform\.tfstate(?:\.backup)?",
    re.IGNORECASE,
)
# fmt: on
_HARMLESS = re.compile(r"\.env\.(?:example|sample|template|dist)", re.IGNORECASE)


def is_secret_file(path: str) -> bool:
    """Return True for a name of secret files: `.env`, `id_rsa`, `server.pem`."""
    name = path.rpartition("/")[2]
    return _NAME.fullmatch(name) is not None and _HARMLESS.fullmatch(name) is None


def find_secret_file(path: str, full: bytes | str) -> str | None:
    """Return the reason why a file looks like a secret; None for any other."""
    if is_secret_file(path):
        return "by its name"
    with open(full, "rb") as file:
        text = file.read(LOOK_LIMIT)
    # A NUL byte means a binary file, in which the rules find secrets by chance.
    if b"\0" in text:
        return None
    for number, line in enumerate(text.decode("latin-1").split("\n"), 1):
        for secret in find_secrets(line):
            return f"{secret.kind} in line {number}"
    return None
