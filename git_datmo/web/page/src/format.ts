/** Formats numbers, times, sizes and ids for people. */

import type { Value } from "./documents/types";

/** Returns a value with at most `digits` significant digits. */
export function showValue(value: Value | undefined, digits = 5): string {
  if (value === null || value === undefined) return "";
  if (typeof value !== "number") return String(value);
  return showNumber(value, digits);
}

export function showNumber(value: number, digits = 5): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return minus(value.toLocaleString("en-US", { useGrouping: Math.abs(value) >= 1e5 }));
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-4) return minus(value.toExponential(2).replace("e+", "e").replace(/\.?0+e/, "e"));
  return minus(String(Number(value.toPrecision(digits))));
}

/** Returns a function that shows some numbers with as many decimals as tell them apart. */
export function showAligned(values: number[]): (value: number) => string {
  const different = new Set(values).size;
  const digits = [5, 8, 16].find((most) => new Set(values.map((value) => showNumber(value, most))).size === different) ?? 16;
  const texts = values.map((value) => showNumber(value, digits));
  const decimals = Math.max(0, ...texts.map((text) => (text.split(".")[1] ?? "").length));
  const isPlain = texts.every((text) => /^[−\d.]+$/.test(text));
  // Zeros behind a large number beside a tiny one would only be noise.
  return (value) => (isPlain && decimals <= 6 ? showFixed(value, decimals) : showNumber(value, digits));
}

/** Returns a number with so many digits behind the point. */
export function showFixed(value: number, decimals: number): string {
  return Number.isFinite(value) ? minus(value.toFixed(decimals)) : showNumber(value);
}

// A true minus is as wide as a digit, so that columns stay aligned.
function minus(text: string): string {
  return text.replace("-", "−");
}

/** Returns a value in full, for CSV and for copying. */
export function plainText(value: Value | undefined): string {
  if (value === null || value === undefined) return "";
  return typeof value === "number" ? String(value) : String(value);
}

export function showTime(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "";
  const date = new Date(seconds * 1000);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

const DAY = new Intl.DateTimeFormat("en", { day: "numeric", month: "long", year: "numeric" });

export function showDay(seconds: number): string {
  return DAY.format(new Date(seconds * 1000));
}

function two(number: number): string {
  return String(number).padStart(2, "0");
}

const AGES: [number, string][] = [
  [31536000, "year"],
  [2592000, "month"],
  [86400, "day"],
  [3600, "hour"],
  [60, "minute"],
];

/** Returns how long ago a time is, in the largest unit. */
export function showAge(seconds: number, now = Date.now() / 1000): string {
  const age = now - seconds;
  for (const [length, unit] of AGES) {
    const number = Math.floor(age / length);
    if (number >= 1) return `${number} ${unit}${number === 1 ? "" : "s"} ago`;
  }
  return "just now";
}

export function showSeconds(seconds: number | null): string {
  if (seconds === null) return "";
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${Number(seconds.toPrecision(3))} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
}

const UNITS = ["bytes", "KB", "MB", "GB", "TB", "PB"];

export function showSize(bytes: number): string {
  let size = bytes;
  let unit = 0;
  while (size >= 1000 && unit < UNITS.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return unit === 0 ? count(bytes, "byte") : `${size.toFixed(size < 10 ? 1 : 0)} ${UNITS[unit]}`;
}

export function shortId(id: string): string {
  return id.slice(0, 8);
}

/** Returns the beginning of a title that is longer than so many characters. */
export function cutTitle(title: string, most = 90): string {
  return title.length > most ? `${title.slice(0, most).trimEnd()}…` : title;
}

/** Returns a number and its noun: "1 file", "2 files". */
export function count(number: number, noun: string, plural = `${noun}s`): string {
  return `${number.toLocaleString("en-US")} ${number === 1 ? noun : plural}`;
}

/** Returns a word as a shell takes it. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** Returns a table as CSV. Cells that a spreadsheet would run as formulas get a leading quote. */
export function toCsv(rows: (Value | undefined)[][]): string {
  return rows.map((row) => row.map(csvCell).join(",")).join("\r\n") + "\r\n";
}

function csvCell(value: Value | undefined): string {
  const text = plainText(value);
  const safe = typeof value === "string" && /^[=+\-@\t]/.test(text) && !/^-?Infinity$/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

