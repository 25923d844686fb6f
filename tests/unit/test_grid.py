"""Test the combinations of a sweep."""

from __future__ import annotations

import pytest

from git_datmo.errors import UsageError
from git_datmo.runs.sweep_grid import combine, parse_grid


def test_combination_of_grid_has_its_values_in_the_command() -> None:
    grid = parse_grid(["lr=0.1,1e-3", "seed=-1..1", "mode={lr}"])
    made = combine(grid, ["train", "--lr={lr}", "{seed}{seed}", "{mode}", '{"a": {other}}'])
    assert [tuple(each.parameters.values()) for each in made] == [
        (rate, seed, "{lr}") for rate in (0.1, 0.001) for seed in (-1, 0, 1)
    ]
    # The command gets the text as written, and a value is not searched for other parameters.
    assert made[3].command == ("train", "--lr=1e-3", "-1-1", "{lr}", '{"a": {other}}')
    assert combine(parse_grid(["a=1,1,2"]), ["{a}"])[1].command == ("2",)
    assert [each.command for each in combine({}, ["train", "{x}"])] == [("train", "{x}")]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["a"], "'a' is not of the form"),
        (["=1"], "'=1' is not of the form"),
        (["a=1", "a=2"], "'a=2' is not of the form"),
        (["a=3..1"], "'3..1' is no range"),
        (["a=1..99999"], "'1..99999' is no range"),
        (["b=1"], "no place for 'b'"),
        (["a=1..9999", "b=1,2", "c=1,2"], "39996 combinations"),
    ],
)
def test_invalid_grid_is_refused(words: list[str], says: str) -> None:
    with pytest.raises(UsageError) as caught:
        combine(
            parse_grid(words),
            ["{a}", "{c}" if len(words) > 2 else "", "{b}" if len(words) > 2 else ""],
        )
    assert says in caught.value.what
