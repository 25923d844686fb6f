/** Places values on an axis: numbers by size, linear or logarithmic, and other values as categories. */

import type { Value } from "../documents/types";
import { showNumber, showValue } from "../format";
import { asNumber, compareValues } from "../query/evaluate";

export interface AxisScale {
  /** Returns a place from 0 to 1, or null if the value has none. */
  place: (value: Value) => number | null;
  ticks: { at: number; label: string }[];
  isNumeric: boolean;
  /** Returns the number at a place from 0 to 1. */
  valueAt: (place: number) => number;
}

const MOST_LABELS = 12;

export function makeScale(values: Value[], log = false): AxisScale {
  const present = values.filter((value) => value !== null);
  const isNumeric = present.length > 0 && present.every((value) => typeof value !== "boolean" && asNumber(value) !== null);
  return isNumeric ? numericScale(present, log) : categoryScale(present);
}

function numericScale(values: Value[], log: boolean): AxisScale {
  const numbers = values.map(asNumber).filter((number): number is number => number !== null && Number.isFinite(number));
  const positive = log && numbers.every((number) => number > 0) && numbers.length > 0;
  const shape = positive ? Math.log10 : (number: number) => number;
  const back = positive ? (number: number) => 10 ** number : (number: number) => number;
  let low = Infinity;
  let high = -Infinity;
  for (const number of numbers) {
    low = Math.min(low, shape(number));
    high = Math.max(high, shape(number));
  }
  if (!numbers.length) [low, high] = [0, 1];
  if (low === high) [low, high] = [low - (Math.abs(low) || 1) * 0.1, high + (Math.abs(high) || 1) * 0.1];
  const place = (value: Value) => {
    const number = asNumber(value);
    if (number === null || !Number.isFinite(number)) return null;
    return (shape(number) - low) / (high - low);
  };
  const valueAt = (at: number) => back(low + at * (high - low));
  const marks = positive ? logTicks(low, high) : linearTicks(low, high);
  const ticks = marks.map((mark) => ({ at: (mark - low) / (high - low), label: showNumber(back(mark), 4) }));
  return { place, ticks, isNumeric: true, valueAt };
}

/** Returns round numbers between two numbers, about five. */
export function linearTicks(low: number, high: number, wanted = 5): number[] {
  const rough = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power;
  const ticks: number[] = [];
  for (let at = Math.ceil(low / step); at * step <= high + step * 1e-9; at += 1) ticks.push(Number((at * step).toPrecision(12)));
  return ticks;
}

function logTicks(low: number, high: number): number[] {
  const whole: number[] = [];
  for (let at = Math.ceil(low - 1e-9); at <= high + 1e-9; at += 1) whole.push(at);
  return whole.length >= 2 ? whole : linearTicks(low, high, 4);
}

function categoryScale(values: Value[]): AxisScale {
  const distinct = [...new Set(values)].sort((one, other) => compareValues(one, other, false));
  const index = new Map(distinct.map((value, at) => [value, at]));
  const last = Math.max(1, distinct.length - 1);
  const at = (position: number) => (distinct.length === 1 ? 0.5 : position / last);
  const every = Math.ceil(distinct.length / MOST_LABELS);
  return {
    place: (value) => (index.has(value) ? at(index.get(value) as number) : null),
    ticks: distinct
      .map((value, position) => ({ at: at(position), label: cut(showValue(value)) }))
      .filter((_, position) => position % every === 0),
    isNumeric: false,
    valueAt: () => NaN,
  };
}

function cut(text: string): string {
  return text.length > 14 ? `${text.slice(0, 13)}…` : text;
}
