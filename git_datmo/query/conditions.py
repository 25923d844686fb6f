"""Parse conditions such as `accuracy > 0.9 and params.lr <= 0.01`.

    condition  = term { 'or' term }
    term       = factor { 'and' factor }
    factor     = 'not' factor | '(' condition ')' | test
    test       = name [ operator value | [ 'not' ] 'in' '(' value { ',' value } ')' ]
    operator   = '=' | '==' | '!=' | '<' | '<=' | '>' | '>=' | '~' | '!~'
    name       = word [ '[' text ']' ]
    value      = word | text

A text stands in single or double quotes. A name alone tests that the experiment has the value.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from git_datmo.errors import UsageError, assert_never
from git_datmo.query.tokens import Token, Tokens
from git_datmo.records.record_values import Value

DEPTH = 100
"""Levels of parentheses and `not` that a condition may have."""
OPERATORS = ("=", "==", "!=", "<", "<=", ">", ">=", "~", "!~")


@dataclass(frozen=True, slots=True)
class Literal:
    """A value of a condition. `text` is how it was written, without quotes."""

    value: Value
    text: str


@dataclass(frozen=True, slots=True)
class ValueTest:
    """Test of the value `name` by one of `OPERATORS`; `==` is stored as `=`."""

    name: str
    operator: str
    literal: Literal


@dataclass(frozen=True, slots=True)
class Membership:
    """Test that the value `name` equals one of several values."""

    name: str
    literals: tuple[Literal, ...]


@dataclass(frozen=True, slots=True)
class Presence:
    """Test that the experiment has the value `name`, and that it is not `false`."""

    name: str


@dataclass(frozen=True, slots=True)
class Negation:
    """Condition that holds where another does not."""

    condition: Condition


@dataclass(frozen=True, slots=True)
class Junction:
    """Conditions that must all hold, or of which `any_of` says that one must."""

    conditions: tuple[Condition, ...]
    any_of: bool


Condition = ValueTest | Membership | Presence | Negation | Junction


def parse_condition(text: str) -> Condition:
    """Return the condition that a text describes; raise `UsageError` if it is invalid."""
    tokens = Tokens(text)
    parsed = _parse_junction(tokens, 0)
    if tokens.peek is not None:
        raise tokens.error("'and' or 'or'")
    return parsed


def parse_names(text: str) -> tuple[str, ...]:
    """Return the names in a list that is separated by commas; raise `UsageError` for another."""
    tokens = Tokens(text)
    names = [_parse_name(tokens)]
    while tokens.take_mark(","):
        names.append(_parse_name(tokens))
    if tokens.peek is not None:
        raise tokens.error("','")
    return tuple(names)


def _parse_junction(tokens: Tokens, depth: int) -> Condition:
    terms = [_parse_term(tokens, depth)]
    while tokens.take_word("or"):
        terms.append(_parse_term(tokens, depth))
    return terms[0] if len(terms) == 1 else Junction(tuple(terms), any_of=True)


def _parse_term(tokens: Tokens, depth: int) -> Condition:
    factors = [_parse_factor(tokens, depth)]
    while tokens.take_word("and"):
        factors.append(_parse_factor(tokens, depth))
    return factors[0] if len(factors) == 1 else Junction(tuple(factors), any_of=False)


def _parse_factor(tokens: Tokens, depth: int) -> Condition:
    # The parser recurses. This limit is reached before that of Python.
    if depth == DEPTH:
        raise UsageError(f"a condition is nested more than {DEPTH} levels deep")
    if tokens.take_word("not"):
        return Negation(_parse_factor(tokens, depth + 1))
    if tokens.take_mark("("):
        inner = _parse_junction(tokens, depth + 1)
        tokens.require_mark(")")
        return inner
    return _parse_test(tokens)


def _parse_test(tokens: Tokens) -> Condition:
    name = _parse_name(tokens)
    operator = tokens.take_operator()
    if operator:
        return ValueTest(name, "=" if operator == "==" else operator, _parse_literal(tokens))
    if tokens.take_word("in"):
        return Membership(name, _parse_literals(tokens))
    if tokens.take_word("not"):
        if not tokens.take_word("in"):
            raise tokens.error("'in'")
        return Negation(Membership(name, _parse_literals(tokens)))
    return Presence(name)


def _parse_name(tokens: Tokens) -> str:
    token = tokens.take("word", "a name")
    if not tokens.take_mark("["):
        return token.text
    inner = tokens.take("quoted", "a name in quotes")
    tokens.require_mark("]")
    return f"{token.text}.{inner.text}"


def _parse_literals(tokens: Tokens) -> tuple[Literal, ...]:
    tokens.require_mark("(")
    literals = [_parse_literal(tokens)]
    while tokens.take_mark(","):
        literals.append(_parse_literal(tokens))
    tokens.require_mark(")")
    return tuple(literals)


def _parse_literal(tokens: Tokens) -> Literal:
    token = tokens.take_value()
    return Literal(_read_value(token), token.text)


def _read_value(token: Token) -> Value:
    """Return the number, boolean or text that a token stands for."""
    if token.kind == "quoted":
        return token.text
    if token.text in ("true", "false"):
        return token.text == "true"
    # Python's parsers accept `1_000`, which is a text in a record.
    if "_" not in token.text:
        for number in (int, float):
            try:
                return number(token.text)
            except ValueError:
                continue
    return token.text


def rename(condition: Condition, find: Callable[[str], str]) -> Condition:
    """Return a condition in which each name is replaced by what `find` returns for it."""
    match condition:
        case ValueTest() | Membership() | Presence():
            return replace(condition, name=find(condition.name))
        case Negation():
            return Negation(rename(condition.condition, find))
        case Junction():
            inner = tuple(rename(each, find) for each in condition.conditions)
            return Junction(inner, condition.any_of)
        case _:
            return assert_never(condition)
