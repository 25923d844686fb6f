/** Parses conditions such as `accuracy > 0.9 and params.lr <= 0.01` (as `git_datmo/query/conditions.py`). */

import type { Value } from "../documents/types";
import { Tokens, UsageError, type Token } from "./tokens";

/** Levels of parentheses and `not` that a condition may have. */
const DEPTH = 100;

/** A value of a condition. `text` is how it was written, without quotes. */
export interface Literal { value: Value; text: string }

export type Condition =
  | { type: "test"; name: string; operator: string; literal: Literal }
  | { type: "in"; name: string; literals: Literal[] }
  | { type: "has"; name: string }
  | { type: "not"; condition: Condition }
  | { type: "and" | "or"; conditions: Condition[] };

/** Returns the condition that a text describes; throws `UsageError` if it is invalid. */
export function parseCondition(text: string): Condition {
  const tokens = new Tokens(text);
  const parsed = parseJunction(tokens, 0);
  if (tokens.peek) throw tokens.error("'and' or 'or'");
  return parsed;
}

function parseJunction(tokens: Tokens, depth: number): Condition {
  const terms = [parseTerm(tokens, depth)];
  while (tokens.takeWord("or")) terms.push(parseTerm(tokens, depth));
  return terms.length === 1 ? (terms[0] as Condition) : { type: "or", conditions: terms };
}

function parseTerm(tokens: Tokens, depth: number): Condition {
  const factors = [parseFactor(tokens, depth)];
  while (tokens.takeWord("and")) factors.push(parseFactor(tokens, depth));
  return factors.length === 1 ? (factors[0] as Condition) : { type: "and", conditions: factors };
}

function parseFactor(tokens: Tokens, depth: number): Condition {
  if (depth === DEPTH) throw new UsageError(`a condition is nested more than ${DEPTH} levels deep`);
  if (tokens.takeWord("not")) return { type: "not", condition: parseFactor(tokens, depth + 1) };
  if (tokens.takeMark("(")) {
    const inner = parseJunction(tokens, depth + 1);
    tokens.requireMark(")");
    return inner;
  }
  return parseTest(tokens);
}

function parseTest(tokens: Tokens): Condition {
  const name = parseName(tokens);
  const operator = tokens.takeOperator();
  if (operator) {
    const plain = operator === "==" ? "=" : operator;
    return { type: "test", name, operator: plain, literal: parseLiteral(tokens) };
  }
  if (tokens.takeWord("in")) return { type: "in", name, literals: parseLiterals(tokens) };
  if (tokens.takeWord("not")) {
    if (!tokens.takeWord("in")) throw tokens.error("'in'");
    return { type: "not", condition: { type: "in", name, literals: parseLiterals(tokens) } };
  }
  return { type: "has", name };
}

function parseName(tokens: Tokens): string {
  const token = tokens.take("word", "a name");
  if (!tokens.takeMark("[")) return token.text;
  const inner = tokens.take("quoted", "a name in quotes");
  tokens.requireMark("]");
  return `${token.text}.${inner.text}`;
}

function parseLiterals(tokens: Tokens): Literal[] {
  tokens.requireMark("(");
  const literals = [parseLiteral(tokens)];
  while (tokens.takeMark(",")) literals.push(parseLiteral(tokens));
  tokens.requireMark(")");
  return literals;
}

function parseLiteral(tokens: Tokens): Literal {
  const token = tokens.takeValue();
  return { value: readValue(token), text: token.text };
}

// Python's `float` takes these words, in any case, and nothing else that JavaScript's takes.
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
const INFINITE = /^([+-]?)inf(?:inity)?$/i;

function readValue(token: Token): Value {
  const { text } = token;
  if (token.kind === "quoted") return text;
  if (text === "true" || text === "false") return text === "true";
  if (NUMBER.test(text)) return Number(text);
  const infinite = INFINITE.exec(text);
  if (infinite) return infinite[1] === "-" ? -Infinity : Infinity;
  return /^[+-]?nan$/i.test(text) ? NaN : text;
}

/** Returns a condition in which each name is replaced by the result of `find`. */
export function rename(condition: Condition, find: (name: string) => string): Condition {
  switch (condition.type) {
    case "test":
    case "in":
    case "has":
      return { ...condition, name: find(condition.name) };
    case "not":
      return { type: "not", condition: rename(condition.condition, find) };
    default:
      return { type: condition.type, conditions: condition.conditions.map((each) => rename(each, find)) };
  }
}

/** Returns the names that a condition uses. */
export function namesIn(condition: Condition): string[] {
  const names: string[] = [];
  rename(condition, (name) => (names.push(name), name));
  return names;
}

/** Returns a name or a value as a condition writes it. */
export function quote(text: string): string {
  return /^[^\s()[\],'"<>=!~]+$/.test(text) ? text : `'${text.replace(/[\\']/g, "\\$&")}'`;
}

/** Returns the full name of a value as a condition writes it. */
export function quoteName(name: string): string {
  if (/^[^\s()[\],'"<>=!~]+$/.test(name)) return name;
  const dot = name.indexOf(".");
  return dot < 0 ? name : `${name.slice(0, dot)}[${quoteText(name.slice(dot + 1))}]`;
}

function quoteText(text: string): string {
  return `"${text.replace(/[\\"]/g, "\\$&")}"`;
}
