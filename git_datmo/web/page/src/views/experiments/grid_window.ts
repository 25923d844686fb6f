/** Computes which rows and columns of a large table are in view. */

export interface Span { first: number; end: number }

/** Returns the rows in view, with some before and behind them. */
export function rowsInView(scrolled: number, height: number, rowHeight: number, count: number, extra = 8): Span {
  const first = Math.max(0, Math.floor(scrolled / rowHeight) - extra);
  return { first, end: Math.min(count, Math.ceil((scrolled + height) / rowHeight) + extra) };
}

/** Returns the columns in view, by their offsets; the last offset is the width of all. */
export function columnsInView(scrolled: number, width: number, offsets: number[], extra = 1): Span {
  const count = offsets.length - 1;
  let first = 0;
  while (first < count && (offsets[first + 1] as number) <= scrolled) first += 1;
  let end = first;
  while (end < count && (offsets[end] as number) < scrolled + width) end += 1;
  return { first: Math.max(0, first - extra), end: Math.min(count, end + extra) };
}

export function makeOffsets(widths: number[]): number[] {
  const offsets = [0];
  for (const width of widths) offsets.push((offsets[offsets.length - 1] as number) + width);
  return offsets;
}
