/**
 * Decides whether an experiment meets a condition, and sorts values (as `git_datmo/query/evaluate.py`).
 *
 * Numbers are compared as numbers, and texts by their code points. A number never equals a text.
 * No comparison with a missing value is true.
 */

import type { Value } from "../documents/types";
import type { Condition, Literal } from "./conditions";

/** Returns the value of an experiment under a full name; null if it has none. */
export type Read = (name: string) => Value;

const NAMED: Record<string, number> = { NaN: NaN, Infinity: Infinity, "-Infinity": -Infinity };
// Ids are compared by their beginning, as everywhere in git.
const IDS = new Set(["id", "commit", "tree", "code", "environment"]);
const SEPARATOR = "\x1f";

/** Returns a value as a number, or null if it is not one. */
export function asNumber(value: Value | undefined): number | null {
  if (typeof value === "number") return value;
  if (typeof value === "string" && Object.hasOwn(NAMED, value)) return NAMED[value] as number;
  return null;
}

export function matches(condition: Condition, read: Read): boolean {
  switch (condition.type) {
    case "test":
      return test(condition.name, condition.operator, condition.literal, read);
    case "in":
      return condition.literals.some((literal) => test(condition.name, "=", literal, read));
    case "has": {
      const value = read(condition.name);
      return value !== null && value !== false;
    }
    case "not":
      return !matches(condition.condition, read);
    case "and":
      return condition.conditions.every((each) => matches(each, read));
    case "or":
      return condition.conditions.some((each) => matches(each, read));
  }
}

function test(name: string, operator: string, literal: Literal, read: Read): boolean {
  const value = read(name);
  if (value === null) return false;
  if (name === "tags") return compareTags(operator, String(value), literal);
  return compare(operator, value, literal, IDS.has(name));
}

/** Tests whether one of the tags compares; for a negated operator, whether none does. */
function compareTags(operator: string, tags: string, literal: Literal): boolean {
  const plain = operator === "!=" ? "=" : operator === "!~" ? "~" : operator;
  const found = tags.split(SEPARATOR).filter(Boolean).some((tag) => compare(plain, tag, literal, false));
  return found === (plain === operator);
}

function compare(operator: string, value: Value, literal: Literal, isId: boolean): boolean {
  if (operator === "=") return equal(value, literal, isId);
  if (operator === "!=") return !equal(value, literal, isId);
  if (operator === "~" || operator === "!~") {
    const contains = pythonText(value).toLowerCase().includes(literal.text.toLowerCase());
    return contains === (operator === "~");
  }
  const one = asNumber(value);
  const other = asNumber(literal.value);
  if (one !== null && other !== null) return inOrder(operator, one - other, one === other);
  if (typeof value !== "string" || typeof literal.value !== "string") return false;
  const order = compareTexts(value, literal.value);
  return inOrder(operator, order, order === 0);
}

// The difference of two infinities is NaN, so that equality is told apart.
function inOrder(operator: string, difference: number, same: boolean): boolean {
  switch (operator) {
    case "<":
      return difference < 0;
    case "<=":
      return difference < 0 || same;
    case ">":
      return difference > 0;
    default:
      return difference > 0 || same;
  }
}

function equal(value: Value, literal: Literal, isId: boolean): boolean {
  if (isId) return String(value).startsWith(literal.text);
  if (typeof value === "boolean" || typeof literal.value === "boolean") return value === literal.value;
  const one = asNumber(value);
  const other = asNumber(literal.value);
  if (one !== null && other !== null) return one === other || (Number.isNaN(one) && Number.isNaN(other));
  return typeof value === "string" && value === literal.text;
}

/** Compares texts by code points, as Python does; JavaScript's `<` compares halves of pairs. */
export function compareTexts(one: string, other: string): number {
  const length = Math.min(one.length, other.length);
  for (let place = 0; place < length; place += 1) {
    const left = one.charCodeAt(place);
    const right = other.charCodeAt(place);
    if (left === right) continue;
    const bothHalves = isHalf(left) === isHalf(right);
    return bothHalves ? left - right : isHalf(left) ? 1 : -1;
  }
  return one.length - other.length;
}

function isHalf(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xe000;
}

/** Returns a value as Python shows it: `%.6g` for a number with a fraction. */
export function pythonText(value: Value): string {
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value !== "number" || Number.isInteger(value)) return String(value);
  const [mantissa = "", exponent = "0"] = value.toExponential(5).split("e");
  const power = Number(exponent);
  if (power < -4 || power >= 6) {
    const sign = power < 0 ? "-" : "+";
    return `${trimZeros(mantissa)}e${sign}${String(Math.abs(power)).padStart(2, "0")}`;
  }
  return trimZeros(value.toFixed(Math.max(0, 5 - power)));
}

function trimZeros(text: string): string {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

/** Compares two values: numbers before texts, and both before NaN and missing values. */
export function compareValues(one: Value, other: Value, falling: boolean): number {
  const [rank, number] = rankOf(one);
  const [otherRank, otherNumber] = rankOf(other);
  if (rank !== otherRank) return rank - otherRank;
  if (rank === 0) {
    const order = number < otherNumber ? -1 : number > otherNumber ? 1 : 0;
    return falling ? -order : order;
  }
  if (rank !== 1) return 0;
  const order = compareTexts(String(one), String(other));
  return falling ? -order : order;
}

function rankOf(value: Value): [number, number] {
  const number = asNumber(value);
  if (number !== null) return Number.isNaN(number) ? [2, 0] : [0, number];
  return value === null ? [3, 0] : [1, 0];
}
