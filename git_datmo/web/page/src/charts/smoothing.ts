/** Smooths a curve by an exponential moving average, without its bias at the start. */

/** Returns the averages. NaN stays NaN and is left out of the others. */
export function smooth(ys: number[], weight: number): number[] {
  let last = 0;
  let seen = 0;
  return ys.map((y) => {
    if (!Number.isFinite(y)) return y;
    seen += 1;
    last = last * weight + (1 - weight) * y;
    return last / (1 - weight ** seen);
  });
}
