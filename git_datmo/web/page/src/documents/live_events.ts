/** Follows the live server: reloads changed documents, and gives new points to open curves. */

import { signal } from "@preact/signals";
import { amend, loadedNames, refresh, refreshFailed } from "./load";
import { source } from "./source";
import type { CurveDocument, Num } from "./types";

/** Says that a curve has new points, and which, if the server knows. */
export interface NewPoints { curve: string; from?: number; steps?: Num[]; times?: Num[]; values?: Num[] }
export interface FetchProgress { done: number; total: number; error: string }

/** Is false while the server cannot be reached. */
export const connected = signal(true);
export const fetches = signal<Record<string, FetchProgress>>({});

const listeners = new Set<(points: NewPoints) => void>();

/** Calls a function for each batch of new points until the returned function is called. */
export function onPoints(listener: (points: NewPoints) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function followServer(): void {
  source.follow(handle, (isConnected) => (connected.value = isConnected));
}

function handle(event: Record<string, unknown>): void {
  // The server drops events for a page that is too slow to read them.
  if (event.reload === true) loadedNames().forEach(refresh);
  if (Array.isArray(event.changed)) refreshAll(event.changed as string[]);
  if (typeof event.curve === "string") {
    const points = event as unknown as NewPoints;
    addPoints(points);
    for (const listener of listeners) listener(points);
  }
  if (typeof event.fetch === "string") {
    const { done, total, error } = event as unknown as FetchProgress;
    const { [event.fetch]: _, ...others } = fetches.value;
    const isDone = !error && (event.is_done === true || (total > 0 && done >= total));
    fetches.value = isDone ? others : { ...others, [event.fetch]: { done, total, error } };
    if (isDone) refreshFailed();
  }
}

/** Adds points to the curve that is loaded; loads it again where they do not follow its end. */
function addPoints({ curve, from, steps, times, values }: NewPoints): void {
  void amend<CurveDocument>(curve, (document) => {
    const [xs, ts, ys] = [document.steps?.[0], document.times?.[0], document.values?.[0]];
    if (!xs || !ts || !ys || !steps || !times || !values || from === undefined || from > ys.length) return false;
    const skipped = ys.length - from;
    xs.push(...steps.slice(skipped));
    ts.push(...times.slice(skipped));
    ys.push(...values.slice(skipped));
    return true;
  });
}

/** Loads changed documents again. A name without a slash stands for all documents that begin with it. */
function refreshAll(names: string[]): void {
  for (const name of names) {
    const prefix = `${name}/`;
    const found = name.includes("/") ? [] : loadedNames().filter((each) => each.startsWith(prefix));
    [name, ...found].forEach(refresh);
    if (name.startsWith("curve")) for (const listener of listeners) listener({ curve: name });
  }
}

/** Asks the source to fetch a payload from its remote. */
export async function fetchPayload(content: string): Promise<void> {
  fetches.value = { ...fetches.value, [content]: { done: 0, total: 0, error: "" } };
  const error = await source.fetchPayload(content);
  if (error) fetches.value = { ...fetches.value, [content]: { done: 0, total: 0, error } };
}
