"""Test the id of payloads for the commit trailer, and its parsing from messages."""

from __future__ import annotations

import pytest

from git_datmo.model import Content, Form, Oid, Payload, Role
from git_datmo.records.data_id import data_id, parse_trailers

ONE, TWO = "1" * 40, "a" * 40


def payload(
    path: str, *, oid: str = ONE, form: Form = Form.FILE, role: Role = Role.DATA, size: int = 1
) -> Payload:
    return Payload(path, role, Content(Oid.parse(oid), form, size, 1))


def test_data_id_does_not_depend_on_order_role_or_size() -> None:
    first, second = payload("a b"), payload("a/b", oid=TWO)
    again = payload("a b", role=Role.MODEL, size=2)
    assert data_id([first, second]) == data_id([second, again])


@pytest.mark.parametrize(
    "other", [payload("b"), payload("a", oid=TWO), payload("a", form=Form.EXECUTABLE)]
)
def test_data_id_of_another_path_object_or_form_is_another(other: Payload) -> None:
    assert data_id([payload("a")]) != data_id([other])


def test_data_id_of_a_path_that_is_not_utf8_exists() -> None:
    assert len(data_id([payload("\udcff")])) == 40


@pytest.mark.parametrize(
    ("message", "found"),
    [
        ("", ()),
        ("one\n", ()),
        (f"one\n\nDatmo-Data: {ONE}\n", (ONE,)),
        (f"one\n\ndatmo-data:{ONE}", (ONE,)),
        (f"one\r\n\r\nDatmo-Data: {ONE}\r\n", (ONE,)),
        (
            f"* one\n\nDatmo-Data: {TWO}\n\n* two\n\nDatmo-Data: {ONE}\n\nCo-authored-by: x <y>\n",
            (TWO, ONE),
        ),
        (f"Squashed\n\n    one\n\n    Datmo-Data: {ONE}\n\n    Datmo-Data: {ONE}\n", (ONE,)),
        (f"see Datmo-Data: {ONE}\n", ()),
        (
            f"Datmo-Data: {ONE}1\nDatmo-Data: {ONE[1:]}\nDatmo-Data: {ONE} x\nDatmo-Data:\n{ONE}\n",
            (),
        ),
    ],
)
def test_trailers_are_read_from_wherever_a_squash_left_them(
    message: str, found: tuple[str, ...]
) -> None:
    assert parse_trailers(message) == found
