/** Summarises the numbers of a group (as `git_datmo/query/aggregate.py`). */

import type { Value } from "../documents/types";
import { asNumber } from "./evaluate";

export interface Summary { count: number; mean: number; deviation: number | null; low: number; high: number }

/** Returns mean, standard deviation of a sample, minimum and maximum; null if there are no numbers. */
export function summarise(values: Iterable<Value>): Summary | null {
  const numbers: number[] = [];
  for (const value of values) {
    const number = asNumber(value);
    if (number !== null) numbers.push(number);
  }
  if (!numbers.length) return null;
  const count = numbers.length;
  const mean = sum(numbers) / count;
  const low = numbers.reduce((a, b) => Math.min(a, b));
  const high = numbers.reduce((a, b) => Math.max(a, b));
  if (count < 2) return { count, mean, deviation: null, low, high };
  // The mean of equal numbers may be rounded, and then they seem to differ.
  if (low === high && Number.isFinite(low)) return { count, mean: low, deviation: 0, low, high };
  const squares = sum(numbers.map((number) => (number - mean) ** 2));
  return { count, mean, deviation: Math.sqrt(squares / (count - 1)), low, high };
}

/** Adds numbers with a term for the rounding error (Neumaier). */
function sum(numbers: number[]): number {
  let total = 0;
  let lost = 0;
  for (const number of numbers) {
    const next = total + number;
    lost += Math.abs(total) >= Math.abs(number) ? total - next + number : number - next + total;
    total = next;
  }
  return Number.isFinite(lost) ? total + lost : total;
}
