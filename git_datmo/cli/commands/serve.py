"""The `git datmo serve` command."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from git_datmo.cli.console import Console
from git_datmo.cli.engine_options import add_limit_options
from git_datmo.cli.model_options import add_model_options

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from git_datmo.repository.workspace import Workspace
    from git_datmo.serving.event_log import EventLog
    from git_datmo.serving.front_server import Companion
    from git_datmo.serving.front_state import Front

DESCRIPTION = """\
Serve the model of a snapshot over HTTP, in the snapshot's own environment.

The server runs in git-datmo's environment, which needs git-datmo[serve]. The model runs in a
worker process in a container, a virtual environment, or the installed packages (--engine), so
neither needs a package of the other. REV is HEAD by default.

The worker calls predict(model, inputs) of the file that the contract of the model names, or
that --entry names. load(paths) in the same file loads the model. Without an entry, git-datmo
loads the single scikit-learn, ONNX or MLflow model of the snapshot.

The server answers the Open Inference Protocol (/v2/models/NAME/infer), the scoring protocol of
MLflow (/invocations), and a page at / to try the model by hand. If the snapshot has a contract,
the server checks requests and answers against it. Each answer names its snapshot.

With --follow, the server fetches a branch of a remote regularly. If the branch names another
commit, the server loads that snapshot's model beside, has it answer the examples, and gives it all
new requests. A snapshot that is refused changes nothing.

A shadow gets copies of the requests. Its answers are compared and counted, and never sent. A canary
answers a share of the requests. The main model is asked at the same time, and answers if the canary
fails, is busy or is slow.

The server is ready when the model has loaded and has answered the examples of the contract.
SIGTERM and ^C end it after the running requests. A worker that dies is replaced."""
EXAMPLES = """
git datmo serve
git datmo serve v1.0 --engine venv --workers 2
git datmo serve --entry predict.py:predict --port 9000
git datmo serve 3f9c2a --model model.joblib --engine host
git datmo serve --follow origin/production --trust
git datmo serve v1.0 --shadow v2.0 --canary v1.1=10%
git datmo serve --host 0.0.0.0 --token @token.txt
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `git datmo serve` to its parser."""
    add = parser.add_argument
    add("name", nargs="?", default="", metavar="REV|ID", help="a commit or snapshot (HEAD)")
    add_model_options(parser, "serve")
    add(
        "--follow",
        default="",
        metavar="REMOTE/BRANCH",
        help="serve this branch: fetch it regularly, and serve its newest commit",
    )
    add(
        "--shadow",
        default="",
        metavar="REV",
        help="give this snapshot copies of the requests, and compare its answers",
    )
    add(
        "--canary",
        default="",
        metavar="REV=P%",
        help="let this snapshot answer a share of the requests, in percent",
    )
    add("--every", type=float, default=30.0, metavar="S", help="seconds between fetches (30)")
    add("--as", dest="model_name", default="", metavar="NAME", help="the name of the model in URLs")
    add("--host", default="127.0.0.1", help="the address to listen at (127.0.0.1)")
    add("--port", type=int, default=8080, help="the port to listen at; 0 for a free one (8080)")
    add("--token", default="", help="the token that requests need; @FILE reads it from a file")
    add("--workers", type=int, default=1, metavar="N", help="the number of processes (1)")
    add("--queue", type=int, default=64, metavar="N", help="requests that may wait (64)")
    add(
        "--batch",
        type=int,
        default=1,
        metavar="ROWS",
        help="predict the rows of waiting requests in one call, if they are independent (1)",
    )
    add("--timeout", type=float, default=30.0, metavar="S", help="seconds for a request (30)")
    add("--load-timeout", type=float, default=600.0, metavar="S", help="seconds to load (600)")
    add("--max-body", default="64m", metavar="SIZE", help="the largest request (64m)")
    add(
        "--log",
        default="",
        metavar="DIR",
        help="store predictions, refusals and outcomes in this folder (datmo.feedbackLog)",
    )
    add(
        "--sample",
        type=float,
        default=1.0,
        metavar="P",
        help="the share of predictions that --log stores, from 0 to 1 (1)",
    )
    add_limit_options(parser)
    add("--rebuild", action="store_true", help="build the environment again even if it exists")


def run(options: argparse.Namespace, console: Console) -> int:
    """Serve a snapshot until a signal asks for the end, and return 0."""
    from contextlib import ExitStack

    from git_datmo.cli.serve_deployments import Deployments, make_follower
    from git_datmo.repository.workspace import open_workspace
    from git_datmo.serving.followed_ref import parse_followed
    from git_datmo.serving.front_server import listen, require_libraries
    from git_datmo.serving.front_state import Front

    require_libraries()
    token, max_body = _read_token(options.token, console), _check_numbers(options)
    deployments = Deployments(options, console)
    with ExitStack() as stack:
        with open_workspace(console.environ, console.cwd) as ws:
            followed = parse_followed(ws, options.follow) if options.follow else None
            commit = deployments.fetch(ws, followed) if followed else ""
            model = deployments.deploy(ws, commit or options.name or "HEAD")
            stack.callback(model.resources.close)
            shadow, canary = deployments.deploy_beside(ws, model.name, stack)
            log = _open_log(options, console, ws)
        # From now on the repository is closed, so that the server does not hold up 'gc'.
        listener = stack.enter_context(listen(options.host, options.port))
        front = Front(model, max_body, token, console.tell, log, shadow, canary)
        companions = [each.side.run for each in (shadow, canary) if each is not None]
        if followed is not None:
            companions.append(make_follower(deployments, front, followed, commit).run)
        _serve(console, options.host, front, listener, companions)
    return 0


def _open_log(options: argparse.Namespace, console: Console, ws: Workspace) -> EventLog | None:
    """Return the log that an option or `datmo.feedbackLog` names; None for no log."""
    from git_datmo.repository.event_log_folder import configured_log
    from git_datmo.serving.event_log import EventLog, open_events

    folder = console.cwd / options.log if options.log else configured_log(ws)
    if folder is None:
        return None
    return EventLog(open_events(folder), options.sample, console.tell, ws.clock)


def _serve(
    console: Console,
    host: str,
    front: Front,
    listener: socket.socket,
    companions: Sequence[Companion],
) -> None:
    """Answer requests until a signal asks for the end."""
    import asyncio
    from ipaddress import ip_address

    from git_datmo.serving.front_server import serve

    model = front.model
    address, port = listener.getsockname()[:2]
    if not ip_address(address).is_loopback:
        who = "everyone who reaches it" if not front.token else "everyone with the token"
        console.warn(f"the server listens at {host}, and answers {who}, without encryption")
    shown = f"[{address}]" if ":" in address else address

    def ready() -> None:
        console.print(
            f"serving snapshot {model.version} as '{model.name}' at http://{shown}:{port}"
        )
        console.out.flush()

    grace = model.pool.options.settings.seconds
    asyncio.run(serve(front, listener, grace=grace, on_ready=ready, companions=companions))


def _check_numbers(options: argparse.Namespace) -> int:
    """Return the largest size of a request; raise `UsageError` for numbers out of range."""
    from git_datmo.engines.resource_limits import parse_memory
    from git_datmo.errors import UsageError

    for word, value in (
        ("--workers", options.workers),
        ("--queue", options.queue),
        ("--batch", options.batch),
        ("--timeout", options.timeout),
        ("--load-timeout", options.load_timeout),
    ):
        if value <= 0:
            raise UsageError(f"{word} takes a number above 0")
    if options.follow and options.name:
        raise UsageError("--follow names the snapshot to serve", "give no REV with it")
    if not 1 <= options.every <= 86_400:
        raise UsageError("--every takes a number from 1 to 86400")
    if not 0 <= options.sample <= 1:
        raise UsageError("--sample takes a number from 0 to 1")
    if not 0 <= options.port < 1 << 16:
        raise UsageError("--port takes a number from 0 to 65535")
    return parse_memory(options.max_body)


def _read_token(given: str, console: Console) -> str:
    """Return the token; raise `UsageError` if its file cannot be read or is empty."""
    from git_datmo.errors import UsageError

    if not given.startswith("@"):
        return given
    path = console.cwd / given[1:]
    try:
        token = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the token's file '{given[1:]}' cannot be read: {error}") from error
    if not token:
        raise UsageError(f"the token's file '{given[1:]}' is empty")
    return token
