"""Open the pipes of a git service as git itself would.

No git command hands out its connection. So git lists the remote, with the command that it starts
for the connection wrapped in a script. The script joins that command to our pipes. Program,
arguments, environment and protocol version stay git's decision.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from git_datmo.git.config import Config

# Descriptors of the wrapped command. POSIX shells promise single digits only.
STDIN, STDOUT, STATUS, STDERR = 3, 4, 5, 6
# Higher than those, so that setting them up overwrites no descriptor that is still needed.
ABOVE = 10

JOINED = f'( {{command}} "$@" ) <&{STDIN} >&{STDOUT} 2>&{STDERR}; echo $? >&{STATUS}'
# Git probes an unknown ssh by `-G`. The probe must reach the command, not use up the pipes.
WRAPPED_SSH = (
    f'datmo() {{{{ if [ "$1" = -G ]; then {{command}} "$@"; else {JOINED}; fi; }}}}; datmo'
)
# `sh` prefixes errors with its `$0`, so that is set to what it would be without the wrapper.
WRAPPED_LOCAL = (
    f'datmo() {{{{ ( exec sh -c {{script}} {{name}}\\ "\'$1\'" "$@" ) <&{STDIN} >&{STDOUT}'
    f" 2>&{STDERR};"
    f" echo $? >&{STATUS}; }}}}; datmo"
)

VARIANTS = ("ssh", "plink", "putty", "tortoiseplink")


@dataclass(frozen=True, slots=True)
class Ends:
    """Descriptors of a service: its input, output and errors, its exit status, and git's own
    messages."""

    stdin: int
    stdout: int
    stderr: int
    status: int
    said: int


def start_service(
    environ: Mapping[str, str],
    config: Config,
    address: str,
    program: str,
    ends: Ends,
    *,
    is_ssh: bool,
    family: str = "",
) -> int:
    """Let git start `program` at `address`, a URL or a remote's name; return git's process id.

    `family` is `ipv4`, `ipv6`, or '' for either.
    """
    env = dict(environ)
    if is_ssh:
        command = ssh_command(env, config)
        env["GIT_SSH_COMMAND"] = WRAPPED_SSH.format(command=command)
        if "GIT_SSH_VARIANT" not in env and not config.get("ssh.variant"):
            # Git infers the variant from the program's name, which the wrapper hides
            # (`ssh.variant`).
            name = Path(shlex.split(command)[0]).name.lower().removesuffix(".exe")
            env.update({"GIT_SSH_VARIANT": name} if name in VARIANTS else {})
    else:
        script = shlex.quote(f'{program} "$@"')
        program = WRAPPED_LOCAL.format(script=script, name=shlex.quote(program))
    # A local program has no address family.
    asking = _asking(family) if is_ssh else ["ls-remote"]
    return _spawn(["git", *asking, f"--upload-pack={program}", "--", address], env, ends)


def _asking(family: str) -> list[str]:
    """Return the git command that connects. `ls-remote` takes no address family, so `fetch` is
    used for one."""
    if not family:
        return ["ls-remote"]
    quiet = (
        "--no-tags",
        "--no-write-fetch-head",
        "--no-recurse-submodules",
        "--no-auto-maintenance",
    )
    return ["fetch", *quiet, f"--{family}"]


def ssh_command(environ: Mapping[str, str], config: Config) -> str:
    """Return the shell words of the user's ssh, found in git's order."""
    given = environ.get("GIT_SSH_COMMAND") or config.get("core.sshcommand")
    return given or shlex.quote(environ.get("GIT_SSH") or "ssh")


def _spawn(argv: list[str], env: dict[str, str], ends: Ends) -> int:
    import fcntl

    wanted = {
        STDIN: ends.stdin,
        STDOUT: ends.stdout,
        STDERR: ends.stderr,
        STATUS: ends.status,
        2: ends.said,
    }
    high = {
        target: fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, ABOVE) for target, end in wanted.items()
    }
    try:
        return os.posix_spawnp(
            argv[0],
            argv,
            env,
            file_actions=[
                *((os.POSIX_SPAWN_DUP2, end, target) for target, end in high.items()),
                # Git's own list of refs is not needed.
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            ],
        )
    finally:
        for descriptor in high.values():
            os.close(descriptor)
