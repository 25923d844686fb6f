"""A client of `git-upload-pack`, protocol version 2 (gitprotocol-v2), that fetches objects by
id."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from git_datmo.git.command import Git
from git_datmo.git.config import Config
from git_datmo.git.deflate import Buffer
from git_datmo.git.pktline import BrokenPackets, Mark, mark, packet
from git_datmo.git.remote_commands import Remote
from git_datmo.git.upload_connection import ServiceConnection, open_upload_pack
from git_datmo.model import ObjectFormat, Oid

AGENT = b"git-datmo"


class UploadPack:
    """A connection on which fetches follow each other.

    It is `usable` unless a fetch failed or is still running.
    """

    def __init__(
        self, connection: ServiceConnection, capabilities: dict[str, str], form: ObjectFormat
    ) -> None:
        self._connection = connection
        self._capabilities = capabilities
        self._format = form
        self.usable = True

    @property
    def filters(self) -> bool:
        """Return True if the server supports git's `--filter`."""
        return "filter" in self._capabilities["fetch"].split()

    def close(self) -> None:
        self.usable = False
        self._connection.close()

    def fetch(
        self, wants: Iterable[Oid], filtered: str = "", *, depth: int = 0, haves: Iterable[Oid] = ()
    ) -> Iterator[Buffer]:
        """Yield the blocks of a pack with `wants` and everything that they lead to.

        `filtered` is a filter of git's, `haves` are objects whose contents are omitted, and `depth`
        limits histories to that many commits (0 for all). Deltas have bases in the same pack, by
        id. Raises `GitFailed`.
        """
        # An answer that is not read to its end leaves its rest on the connection.
        self.usable = False
        self._connection.send(self._request(wants, filtered, depth, haves))
        try:
            yield from self._answer()
        except BrokenPackets as error:
            raise self._connection.failure(str(error)) from error
        self.usable = True

    def _request(
        self, wants: Iterable[Oid], filtered: str, depth: int, haves: Iterable[Oid]
    ) -> bytes:
        lines = [packet(b"command=fetch"), packet(b"agent=%b" % AGENT)]
        if "object-format" in self._capabilities:
            lines.append(packet(b"object-format=%b" % self._format.name.encode()))
        # Without `thin-pack` and `ofs-delta`, the pack has each delta's base, named by id.
        lines += [mark(Mark.DELIMITER), packet(b"no-progress")]
        if filtered:
            lines.append(packet(b"filter %b" % filtered.encode()))
        if depth:
            lines.append(packet(b"deepen %d" % depth))
        lines += [packet(b"want %b\n" % str(oid).encode()) for oid in wants]
        lines += [packet(b"have %b\n" % str(oid).encode()) for oid in haves]
        # `done` ends the negotiation before it begins, so the pack follows at once.
        lines += [packet(b"done"), mark(Mark.FLUSH)]
        return b"".join(lines)

    def _answer(self) -> Iterator[Buffer]:
        packets = self._connection.packets
        while (section := self._next()) != b"packfile\n":
            # Other sections concern negotiation and shallow clones, which were not requested.
            if section is Mark.FLUSH or section is Mark.RESPONSE_END:
                raise self._connection.failure("the remote sent no pack")
        while not isinstance(content := packets.packet(), Mark):
            # Band 1 is the pack, 2 progress, 3 an error. An empty packet of band 1 keeps the line
            # alive.
            if content[:1] == b"\1" and len(content) > 1:
                yield memoryview(content)[1:]
            elif content[:1] == b"\3":
                raise self._connection.failure(
                    f"remote error: {content[1:].decode('utf-8', 'replace').strip()}"
                )
        # Git's helper for HTTP adds a mark to each answer (gitremote-helpers, `stateless-connect`).
        if self._connection.stateless and content is Mark.FLUSH:
            packets.packet()

    def _next(self) -> bytes | Mark:
        content = self._connection.packets.packet()
        _refuse_error(self._connection, content)
        return content


def _refuse_error(connection: ServiceConnection, line: bytes | Mark) -> None:
    if not isinstance(line, Mark) and line.startswith(b"ERR "):
        raise connection.failure(f"remote error: {line[4:].decode('utf-8', 'replace').strip()}")


def open_upload(git: Git, config: Config, remote: Remote, form: ObjectFormat) -> UploadPack | None:
    """Return a client for `remote`; None without protocol version 2, or if only git can connect.

    Raises `GitFailed` if the remote cannot be reached at all.
    """
    connection = open_upload_pack(git, config, remote)
    if connection is None:
        return None
    try:
        capabilities = _read_capabilities(connection)
    except BaseException:
        connection.close()
        raise
    if (
        capabilities is None
        # A server that names no object format uses SHA-1 (gitprotocol-v2).
        or capabilities.get("object-format", "sha1") != form.name
        or "fetch" not in capabilities
    ):
        connection.close()
        return None
    return UploadPack(connection, capabilities, form)


def _read_capabilities(connection: ServiceConnection) -> dict[str, str] | None:
    try:
        first = connection.packets.packet()
        _refuse_error(connection, first)
        if isinstance(first, Mark) or first.strip() != b"version 2":
            return None
        found = {}
        while not isinstance(line := connection.packets.packet(), Mark):
            key, _, value = line.decode("utf-8", "replace").strip().partition("=")
            found[key] = value
    except BrokenPackets as error:
        raise connection.failure(str(error)) from error
    return found
