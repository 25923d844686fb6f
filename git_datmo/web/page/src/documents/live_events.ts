/** Follows the live server: reloads what changed, and gives new points to open curves. */

import { signal } from "@preact/signals";
import { isLive, loadedNames, refresh, refreshFailed } from "./load";
import type { Num } from "./types";

export interface NewPoints { curve: string; series?: number; from: number; steps: Num[]; times: Num[]; values: Num[] }
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
  if (!isLive || typeof EventSource === "undefined") return;
  const source = new EventSource("events");
  source.onopen = () => (connected.value = true);
  source.onerror = () => (connected.value = false);
  source.onmessage = (message) => handle(JSON.parse(message.data as string));
}

function handle(event: Record<string, unknown>): void {
  if (Array.isArray(event.changed)) refreshAll(event.changed as string[]);
  if (typeof event.curve === "string") {
    for (const listener of listeners) listener(event as unknown as NewPoints);
  }
  if (typeof event.fetch === "string") {
    const { done, total, error } = event as unknown as FetchProgress;
    const { [event.fetch]: _, ...others } = fetches.value;
    const isDone = !error && total > 0 && done >= total;
    fetches.value = isDone ? others : { ...others, [event.fetch]: { done, total, error } };
    if (isDone) refreshFailed();
  }
}

function refreshAll(names: string[]): void {
  const known = loadedNames();
  for (const name of names) {
    refresh(name);
    // The blocks and sparklines of a table are parts of it.
    if (name === "experiments") {
      known.filter((each) => /^(block|sparklines)\//.test(each)).forEach(refresh);
    }
  }
}

/** Asks the server to fetch a payload from its remote. */
export async function fetchPayload(content: string): Promise<void> {
  fetches.value = { ...fetches.value, [content]: { done: 0, total: 0, error: "" } };
  const response = await fetch("fetch", {
    method: "POST",
    credentials: "same-origin",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ content }),
  }).catch(() => null);
  if (!response?.ok) {
    const answer = (await response?.json().catch(() => null)) as { error?: string } | null;
    const error = answer?.error ?? "The server does not answer.";
    fetches.value = { ...fetches.value, [content]: { done: 0, total: 0, error } };
  }
}
