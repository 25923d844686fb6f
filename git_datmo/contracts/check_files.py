"""Infer and check the rule of a folder of images or sounds (`datmo.files`)."""

from __future__ import annotations

import os
from collections.abc import Iterator

from git_datmo.contracts.contract_types import Contract, FileRule, Finding, Level, Table
from git_datmo.contracts.media_files import MediaFile, list_files, look_at_media
from git_datmo.contracts.table_readers.table_batches import SAMPLES, UnreadableTable
from git_datmo.sizes import show_count


def infer_files(name: str, folder: str, shown: str) -> Table:
    """Return a table that allows all files of a folder.

    Raise `UnreadableTable` for a folder without files, or with one that does not decode.
    """
    found = []
    for relative in list_files(folder):
        media = look_at_media(os.path.join(folder, relative), f"{shown}/{relative}")
        if media.problem:
            # Every file passes an inferred contract, and no contract lets a broken file pass.
            raise UnreadableTable(
                f"'{shown}/{relative}' does not decode: {media.problem}",
                "repair or remove the file, then infer the contract again",
            )
        found.append(media)
    if not found:
        raise UnreadableTable(f"'{shown}' has no files")
    sizes = [media.size for media in found if media.size is not None]
    low = (min(w for w, _ in sizes), min(h for _, h in sizes)) if sizes else None
    high = (max(w for w, _ in sizes), max(h for _, h in sizes)) if sizes else None
    types = tuple(sorted({media.media_type for media in found}))
    channels = tuple(sorted({media.channels for media in found if media.channels}))
    return Table(name, files=FileRule(types, low, high, channels))


def check_files(contract: Contract, table: Table, folder: str, shown: str) -> Iterator[Finding]:
    """Yield the rules that files of a folder break, with the first files that break them.

    A sample has no row, only the name of its file.
    """
    rule = table.files or FileRule()
    broken: dict[str, tuple[int, list[tuple[int, str]]]] = {}
    undecoded = 0
    for relative in list_files(folder):
        media = look_at_media(os.path.join(folder, relative), f"{shown}/{relative}")
        undecoded += not media.is_decoded
        for name, detail in _find_broken(rule, media):
            count, samples = broken.setdefault(name, (0, []))
            if len(samples) < SAMPLES:
                samples.append((0, f"{relative}: {detail}"))
            broken[name] = count + 1, samples
    for name, (count, samples) in broken.items():
        verb = "breaks" if count == 1 else "break"
        message = f"{show_count(count, 'file')} {verb} the rule of {_NAMES[name]}"
        if name == "decodable":
            does = "does" if count == 1 else "do"
            message = f"{show_count(count, 'file')} {does} not decode"
        yield _make(contract, table, "refuse", name, message, tuple(samples), count)
    if undecoded:
        verb = "is" if undecoded == 1 else "are"
        message = f"{show_count(undecoded, 'audio file')} {verb} checked by the header alone"
        yield _make(contract, table, "unchecked", "decodable", message, (), undecoded)


_NAMES = {"mediaTypes": "media types", "size": "sizes", "channels": "channels", "decodable": ""}


def _find_broken(rule: FileRule, media: MediaFile) -> Iterator[tuple[str, str]]:
    """Yield the rules that a file breaks, each with a detail."""
    if media.problem:
        # A broken file is reported once, not again for each rule.
        yield "decodable", media.problem
        return
    if rule.media_types and media.media_type not in rule.media_types:
        yield "mediaTypes", media.media_type or "unknown type"
    if media.size is not None:
        text = f"{media.size[0]} x {media.size[1]} pixels"
        low, high = rule.min_size, rule.max_size
        is_small = low is not None and (media.size[0] < low[0] or media.size[1] < low[1])
        is_large = high is not None and (media.size[0] > high[0] or media.size[1] > high[1])
        if is_small or is_large:
            yield "size", text
    if rule.channels and media.channels and media.channels not in rule.channels:
        yield "channels", show_count(media.channels, "channel")


def _make(
    contract: Contract,
    table: Table,
    level: Level,
    rule: str,
    message: str,
    rows: tuple[tuple[int, str], ...],
    count: int,
) -> Finding:
    """Return a finding about files."""
    return Finding(level, rule, contract.id, table.name, "", message, rows, count)
