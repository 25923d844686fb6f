"""Push over raw pipes: read its commands, share its data, then pass it on or refuse it."""

from __future__ import annotations

import contextlib

from git_datmo.errors import DatmoError
from git_remote_datmo.packets import (
    FLUSH,
    BlockReader,
    PushRequest,
    Update,
    advertised,
    parse_push,
    report,
)
from git_remote_datmo.pipes import open_speaking
from git_remote_datmo.protocol import RECEIVE_PACK
from git_remote_datmo.push_refusals import NOT_SHARED, Push, Refused, is_shared_ref, refusals
from git_remote_datmo.service import Service
from git_remote_datmo.session import Session
from git_remote_datmo.wire import complain, pump, read_input, relay, write_output


def take_push(session: Session, url: str, service: Service) -> int:
    """Share the data of a push, then relay the push to the service; return the exit status.

    Git sends its commands before the pack, so the pack waits in git until the data are shared.
    """
    offer = BlockReader(service.read).block()
    write_output(offer.raw)
    # Without a complete advertisement there is no push to check, and git reads the error itself.
    if not offer.complete:
        return relay(service)
    reader = BlockReader(read_input)
    said = reader.block()
    request = parse_push(said)
    if request.updates:
        there = advertised(offer)
        pushes = [Push(update.target, loses=_loses(session, update)) for update in request.updates]
        refused = refusals(pushes, there)
        try:
            updates = [(update.new, update.target, update.old) for update in request.updates]
            has_sent = not refused and session.share(there, updates)
        except DatmoError as error:
            complain(error)
            refused = {update.target: NOT_SHARED for update in request.updates}
        if refused:
            return _answer_no(service, reader, request, refused)
        # The certificate of a signed push contains a nonce of this connection, so the connection
        # must stay.
        if has_sent and not request.signed:
            service = _open_anew(session, url, service)
    return relay(service, said.raw + reader.rest())


def _loses(session: Session, update: Update) -> bool:
    """Return True if an update of a shared ref may lose commits.

    Refs that git-datmo does not share are not checked.
    """
    if update.creates or not is_shared_ref(update.target):
        return False
    # If the old commit is missing, git answers with an error, and the update may lose it.
    question = ("merge-base", "--is-ancestor", update.old, update.new)
    return update.deletes or session.git.finish(*question).returncode != 0


def _open_anew(session: Session, url: str, service: Service) -> Service:
    """Open a new connection and skip its advertisement.

    A share can take long, and hosts close connections that are silent meanwhile.
    """
    _hang_up(service)
    fresh = open_speaking(session, url, RECEIVE_PACK)
    BlockReader(fresh.read).block()
    return fresh


def _hang_up(service: Service) -> int:
    """End the service with a flush packet, as a push without updates does."""
    with contextlib.suppress(OSError):
        service.write(FLUSH)
        service.close_asking()
    return service.finish()


def _answer_no(
    service: Service, reader: BlockReader, request: PushRequest, refused: Refused
) -> int:
    """Refuse a push on behalf of the service; return 1.

    Git reads the answer only after it has sent everything, so the rest of its bytes is read and
    discarded.
    """
    _hang_up(service)
    # A push that only deletes refs sends no pack (gitprotocol-pack).
    if not all(update.deletes for update in request.updates):
        pump(read_input, lambda _: None)
    elif b"push-options" in request.capabilities:
        # The push options follow the commands, and are read before the answer, too.
        reader.block()
    write_output(report(refused, request.capabilities))
    return 1
