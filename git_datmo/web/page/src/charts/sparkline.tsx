/** A small line without axes, for a cell of a table. */

import type { Num } from "../documents/types";
import { asNumber } from "../query/evaluate";

const WIDTH = 88;
const HEIGHT = 22;

export function Sparkline({ values, label }: { values: Num[]; label: string }) {
  const numbers = values.map(asNumber);
  const finite = numbers.filter((number): number is number => number !== null && Number.isFinite(number));
  if (finite.length < 2) return null;
  const low = Math.min(...finite);
  const span = Math.max(...finite) - low || 1;
  let path = "";
  let pen = "M";
  numbers.forEach((number, place) => {
    if (number === null || !Number.isFinite(number)) {
      pen = "M";
      return;
    }
    const x = 2 + (place / (numbers.length - 1)) * (WIDTH - 4);
    const y = HEIGHT - 3 - ((number - low) / span) * (HEIGHT - 6);
    path += `${pen}${x.toFixed(1)} ${y.toFixed(1)}`;
    pen = "L";
  });
  return (
    <svg class="sparkline" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} width={WIDTH} height={HEIGHT} role="img" aria-label={label}>
      <path d={path} fill="none" stroke="currentColor" stroke-width="1.4" stroke-linejoin="round" />
    </svg>
  );
}
