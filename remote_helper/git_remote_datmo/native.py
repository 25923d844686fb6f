"""Paths and ssh://, git:// and file:// URLs: git speaks to git, and a push is looked at on its way."""

from __future__ import annotations

import contextlib

from git_datmo.errors import DatmoError
from git_remote_datmo.packets import FLUSH, PacketReader, PushRequest, Update, advertised, parse_push, report
from git_remote_datmo.pipes import Service, open_service
from git_remote_datmo.protocol import (
    NOT_SHARED,
    PIPES,
    RECEIVE_PACK,
    Connect,
    Push,
    Refused,
    is_shared_ref,
    refusals,
)
from git_remote_datmo.session import Session
from git_remote_datmo.wire import complain, pump, read_input, relay, write_output

UNDERSTOOD = frozenset({"family", "progress", "servpath", "verbosity"})


class Native:
    """Joins git to the service at one URL."""

    def __init__(self, session: Session, url: str) -> None:
        self._session = session
        self._url = url

    def capabilities(self) -> tuple[bytes, ...]:
        return PIPES

    def option(self, line: bytes) -> bytes:
        name = line.split(b" ")[1].decode("ascii", "replace")
        return b"ok\n" if name in UNDERSTOOD else b"unsupported\n"

    def connect(self, _: bytes, asked: Connect) -> int | None:
        """Serve the pipes to the end and give the exit status; None where git is to ask in another way."""
        if asked.stateless:
            write_output(b"fallback\n")
            return None
        service = self._open(asked.service)
        write_output(b"\n")
        return self._push(service) if asked.service == RECEIVE_PACK else relay(service)

    def block(self, lines: list[bytes]) -> bytes:
        raise DatmoError(f"git asks for '{lines[0].decode(errors='replace')}', which was not offered for '{self._url}'")

    def end(self) -> int:
        return 0

    def _open(self, service: str) -> Service:
        return open_service(self._session, self._url, service)

    def _push(self, service: Service) -> int:
        """Let git push as ever, once what its commits need has been shared: it says what it pushes before it sends."""
        offer = PacketReader(service.read).block()
        write_output(offer.raw)
        if not offer.complete:
            return relay(service)
        reader = PacketReader(read_input)
        said = reader.block()
        request = parse_push(said)
        if request.updates:
            refused = self._refusals(request, there := advertised(offer))
            try:
                has_sent = not refused and self._session.share(there)
            except DatmoError as error:
                complain(error)
                refused = {update.target: NOT_SHARED for update in request.updates}
            if refused:
                return _answer_no(service, reader, request, refused)
            # What signs a push holds for the connection that it was made for.
            if has_sent and not request.signed:
                service = self._open_anew(service)
        return relay(service, said.raw + reader.rest())

    def _refusals(self, request: PushRequest, there: dict[str, str]) -> Refused:
        pushes = [Push(update.target, loses=update.deletes or self._rewinds(update)) for update in request.updates]
        return refusals(pushes, there)

    def _rewinds(self, update: Update) -> bool:
        """Whether a ref that git-datmo moves would lose what it has; of others nobody asks here."""
        if update.creates or not is_shared_ref(update.target):
            return False
        asked = self._session.git.finish("merge-base", "--is-ancestor", update.old, update.new)
        return asked.returncode != 0

    def _open_anew(self, service: Service) -> Service:
        """Hosts hang up on those who are silent for as long as a share may take."""
        _hang_up(service)
        service = self._open(RECEIVE_PACK)
        PacketReader(service.read).block()
        return service


def _hang_up(service: Service) -> int:
    """Ask for nothing more, as git ends a push that sends nothing."""
    with contextlib.suppress(OSError):
        service.write(FLUSH)
        service.close_asking()
    return service.finish()


def _answer_no(service: Service, reader: PacketReader, request: PushRequest, refused: Refused) -> int:
    """Answer in the service's place; git reads the answer once all of it was taken that git has to send."""
    _hang_up(service)
    if not all(update.deletes for update in request.updates):
        pump(read_input, lambda _: None)
    elif b"push-options" in request.capabilities:
        reader.block()
    write_output(report(refused, request.capabilities))
    return 1
