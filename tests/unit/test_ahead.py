"""What is made ahead comes in order, and an error comes where its result would."""

from __future__ import annotations

import threading

import pytest

from git_datmo.store.ahead import AHEAD, ahead


def test_results_come_in_order_and_are_made_elsewhere() -> None:
    made: list[str] = []

    def make(item: int) -> int:
        made.append(threading.current_thread().name)
        return item * item

    assert list(ahead(make, range(20))) == [item * item for item in range(20)]
    assert len(made) == 20
    assert threading.current_thread().name not in made


def test_no_more_is_begun_than_a_few_ahead() -> None:
    taken: list[int] = []
    items = (taken.append(item) or item for item in range(100))
    results = ahead(lambda item: item, items)
    next(results)
    assert len(taken) <= AHEAD + 1
    results.close()  # type: ignore[attr-defined]
    assert len(taken) <= AHEAD + 1


def test_an_error_comes_in_its_place() -> None:
    def make(item: int) -> int:
        if item == 3:
            raise ValueError(item)
        return item

    results = ahead(make, range(10))
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="3"):
        next(results)


def test_nothing_comes_of_nothing() -> None:
    assert list(ahead(str, [])) == []
