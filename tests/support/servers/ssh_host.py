"""Run a real sshd with keys and configuration of its own."""

from __future__ import annotations

import getpass
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.servers.server_process import start_on_free_port
from tests.support.shell import serving


@dataclass(frozen=True)
class SshHost:
    port: int
    user: str
    environ: Mapping[str, str]
    name: str = "ssh"

    def url(self, bare: Path) -> str:
        return f"ssh://{self.user}@127.0.0.1:{self.port}{bare}"


def find_sshd() -> str:
    """Return the server's absolute path, which it needs to start."""
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"))
    found = shutil.which("sshd", path=path)
    if found and shutil.which("ssh-keygen"):
        return found
    why = "no sshd here: install openssh-server"
    if os.environ.get("DATMO_REQUIRE_SERVERS") == "1":
        pytest.fail(why)
    pytest.skip(why)


def _make_keys(folder: Path) -> None:
    for name in ("host", "user"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True
        )


def _configuration(folder: Path, port: int, env: Mapping[str, str]) -> str:
    # The login would otherwise bring the real user's HOME and git configuration into the test.
    passed = " ".join(
        f'"{name}={env[name]}"'
        for name in ("HOME", "PATH", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM")
    )
    return f"""\
ListenAddress 127.0.0.1
Port {port}
HostKey {folder / "host"}
AuthorizedKeysFile {folder / "user.pub"}
PidFile none
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
StrictModes no
UsePAM no
UseDNS no
PrintMotd no
PrintLastLog no
MaxStartups 100
Subsystem sftp internal-sftp
AcceptEnv GIT_PROTOCOL
SetEnv {passed}
LogLevel INFO
"""


@contextmanager
def serve_ssh(folder: Path, env: Mapping[str, str]) -> Iterator[SshHost]:
    """Serve every repository of this machine by its absolute path, on the loopback interface, to
    one fresh key."""
    sshd = find_sshd()
    folder.mkdir(parents=True)
    _make_keys(folder)
    if os.geteuid() == 0:
        # Made by the service at boot on most systems, and missing where no service manager runs.
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    config, env = folder / "sshd_config", serving(env)

    def command(port: int) -> list[str]:
        config.write_text(_configuration(folder, port, env))
        return [sshd, "-D", "-e", "-f", str(config)]

    server, port = start_on_free_port(command, ready="Server listening on", env=env)
    try:
        host_key = " ".join((folder / "host.pub").read_text().split()[:2])
        (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {host_key}\n")
        client = [
            "ssh", "-F", "/dev/null", "-i", str(folder / "user"), "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes",
            "-o", "StrictHostKeyChecking=yes", "-o", f"UserKnownHostsFile={folder / 'known_hosts'}",
        ]  # fmt: skip
        yield SshHost(port, getpass.getuser(), {"GIT_SSH_COMMAND": shlex.join(client)})
    finally:
        server.stop()
