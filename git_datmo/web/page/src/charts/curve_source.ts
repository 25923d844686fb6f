/** Reads the points of a curve for a range of its x axis, at the level of detail that a screen can show. */

import { load } from "../documents/load";
import type { CurveDocument, CurvePart, Level, Num, SeriesInfo } from "../documents/types";

export type XAxis = "step" | "relative" | "time";

/** Points to draw. Of a bucket, both the lowest and the highest value are points. */
export interface Points {
  xs: number[];
  ys: number[];
  /** Places on the x axis where a value is NaN or infinite. */
  marks: number[];
  /** Samples that a pair of points stands for; 1 for single samples. */
  bucket: number;
}

export interface Range { low: number; high: number }

export const PART = 16_384;
// More points than this on a chart are more than its pixels.
const MOST_POINTS = 4_000;

export function curveName(name: string): string {
  return name.startsWith("curve/") ? name : `curve/${name}`;
}

/** Returns the points of a series in a range; all if `range` is null. */
export async function readPoints(name: string, document: CurveDocument, index: number, axis: XAxis, range: Range | null): Promise<Points> {
  const values = document.values?.[index];
  if (values) {
    const times = document.times?.[index] ?? [];
    return samplePoints({ steps: document.steps?.[index] ?? [], times, values }, axis, numeric(times[0]));
  }
  const info = document.series[index];
  if (!info?.levels.length) return { xs: [], ys: [], marks: [], bucket: 1 };
  return readLevels(name, info, index, axis, range);
}

function samplePoints(part: CurvePart, axis: XAxis, zero: number): Points {
  const xs = axisValues(part.steps ?? [], part.times ?? [], axis, zero);
  const points: Points = { xs: [], ys: [], marks: [], bucket: 1 };
  part.values?.forEach((value, at) => add(points, xs[at] as number, numeric(value)));
  return inOrder(points);
}

function bucketPoints(part: CurvePart, axis: XAxis, zero: number, bucket: number): Points {
  const firsts = axisValues(part.first_steps ?? [], part.first_times ?? [], axis, zero);
  const lasts = axisValues(part.last_steps ?? [], part.last_times ?? [], axis, zero);
  const points: Points = { xs: [], ys: [], marks: [], bucket };
  firsts.forEach((first, at) => {
    const low = numeric(part.lows?.[at]);
    const high = numeric(part.highs?.[at]);
    add(points, first, low);
    if (high !== low) add(points, first + ((lasts[at] as number) - first) / 2 || first, high);
  });
  return inOrder(points);
}

async function readLevels(name: string, info: SeriesInfo, index: number, axis: XAxis, range: Range | null): Promise<Points> {
  const coarsest = info.levels[info.levels.length - 1] as Level;
  const outline = await readParts(name, index, coarsest, info.levels.length - 1, 0, coarsest.count);
  const starts = coarsest.bucket === 1 ? outline.times : outline.first_times;
  const zero = numeric(starts?.[0]);
  const [from, to] = range ? coveredEntries(outline, coarsest, axis, zero, range) : [0, coarsest.count];
  const first = from * coarsest.bucket;
  const last = Math.min(info.points, to * coarsest.bucket);
  const chosen = info.levels.findIndex((level) => (last - first) / level.bucket <= MOST_POINTS);
  const place = chosen < 0 ? info.levels.length - 1 : chosen;
  const level = info.levels[place] as Level;
  const begin = Math.floor(first / level.bucket);
  const end = Math.min(level.count, Math.ceil(last / level.bucket));
  const part = await readParts(name, index, level, place, begin, end);
  return level.bucket === 1 ? samplePoints(part, axis, zero) : bucketPoints(part, axis, zero, level.bucket);
}

/** Returns the entries of a level that a range touches, with one more on each side. */
function coveredEntries(outline: CurvePart, level: Level, axis: XAxis, zero: number, range: Range): [number, number] {
  const xs = level.bucket === 1
    ? axisValues(outline.steps ?? [], outline.times ?? [], axis, zero)
    : axisValues(outline.first_steps ?? [], outline.first_times ?? [], axis, zero);
  let from = 0;
  while (from < xs.length - 1 && (xs[from + 1] as number) <= range.low) from += 1;
  let to = from + 1;
  while (to < xs.length && (xs[to] as number) <= range.high) to += 1;
  return [Math.max(0, from - 1), Math.min(level.count, to + 1)];
}

async function readParts(name: string, index: number, level: Level, place: number, begin: number, end: number): Promise<CurvePart> {
  const size = level.parts > 1 ? PART : Math.max(1, level.count);
  const first = Math.floor(begin / size);
  const last = Math.min(level.parts - 1, Math.floor(Math.max(begin, end - 1) / size));
  const names: string[] = [];
  for (let part = first; part <= last; part += 1) names.push(`${name}/${index}/${place}/${part}`);
  const parts = await Promise.all(names.map((each) => load<CurvePart>(each)));
  const joined: CurvePart = {};
  for (const key of KEYS) {
    const all = parts.flatMap((part) => part[key] ?? []);
    if (all.length) joined[key] = all.slice(begin - first * size, end - first * size);
  }
  return joined;
}

const KEYS = ["steps", "times", "values", "first_steps", "last_steps", "first_times", "last_times", "lows", "highs"] as const;

function axisValues(steps: Num[], times: Num[], axis: XAxis, zero: number): number[] {
  if (axis === "step") return steps.map((step, at) => (step === null ? at : numeric(step)));
  return times.map((time) => numeric(time) - (axis === "relative" ? zero : 0));
}

function numeric(value: Num | undefined): number {
  if (value === null || value === undefined) return NaN;
  return typeof value === "number" ? value : Number(value);
}

function add(points: Points, x: number, y: number): void {
  if (!Number.isFinite(x)) return;
  points.xs.push(x);
  points.ys.push(Number.isFinite(y) ? y : NaN);
  if (!Number.isFinite(y)) points.marks.push(x);
}

/** Sorts points whose steps run backwards, as after a restart from a checkpoint. */
function inOrder(points: Points): Points {
  const { xs, ys } = points;
  if (xs.every((x, at) => at === 0 || (xs[at - 1] as number) <= x)) return points;
  const order = xs.map((_, at) => at).sort((one, other) => (xs[one] as number) - (xs[other] as number));
  return { ...points, xs: order.map((at) => xs[at] as number), ys: order.map((at) => ys[at] as number) };
}
