/** Loads documents by name: over HTTP from the live server, or from script files of an export. */

import { signal, type Signal } from "@preact/signals";

/** A document that is not here. `content` is the payload to fetch, if a remote has it. */
export class NotHere extends Error {
  constructor(message: string, readonly content: string) {
    super(message);
  }
}

export type Loaded<T> = { state: "loading" } | { state: "error"; error: string; content: string } | { state: "ready"; value: T };

declare global {
  interface Window {
    datmo?: { document: (name: string, content: string) => void };
  }
}

export const isLive = document.documentElement.dataset.mode !== "static";

const NAME = /^[a-z0-9/-]+$/;
const waiting = new Map<string, (content: string) => void>();
const promises = new Map<string, Promise<unknown>>();
const signals = new Map<string, Signal<Loaded<unknown>>>();

// A script file of an export calls this function, and nothing else.
window.datmo = {
  document(name, content) {
    waiting.get(name)?.(content);
    waiting.delete(name);
  },
};

/** Returns the document of this name; loads it once. */
export function load<T>(name: string): Promise<T> {
  let promise = promises.get(name) as Promise<T> | undefined;
  if (!promise) {
    promise = loadAgain<T>(name);
    promises.set(name, promise);
    promise.catch(() => promises.delete(name));
  }
  return promise;
}

/** Returns a signal with the state of a document; begins to load it. */
export function watch<T>(name: string): Signal<Loaded<T>> {
  let state = signals.get(name) as Signal<Loaded<T>> | undefined;
  if (!state) {
    state = signal<Loaded<T>>({ state: "loading" });
    signals.set(name, state as Signal<Loaded<unknown>>);
    fill(name, state);
  }
  return state;
}

/** Loads a document again that has changed, if a view has asked for it before. */
export function refresh(name: string): void {
  if (!promises.delete(name)) return;
  const state = signals.get(name);
  if (state) fill(name, state);
}

/** Changes a document that is loaded. Loads it again if `change` returns false. */
export async function amend<T>(name: string, change: (value: T) => boolean): Promise<void> {
  const promise = promises.get(name) as Promise<T> | undefined;
  if (promise && !change(await promise)) refresh(name);
}

/** Loads the documents again that were not here. */
export function refreshFailed(): void {
  for (const [name, state] of signals) if (state.value.state === "error") fill(name, state);
}

/** Forgets the documents of a run that has ended, which nobody has any more. */
export function forgetRun(run: string): void {
  const isOfRun = (name: string) => name.split("/")[1] === run;
  for (const known of [promises, signals]) for (const name of [...known.keys()].filter(isOfRun)) known.delete(name);
}

/** Returns the names of the documents that are loaded. */
export function loadedNames(): string[] {
  return [...promises.keys()];
}

function fill<T>(name: string, state: Signal<Loaded<T>>): void {
  load<T>(name).then(
    (value) => (state.value = { state: "ready", value }),
    (error: Error) => (state.value = { state: "error", error: error.message, content: error instanceof NotHere ? error.content : "" }),
  );
}

async function loadAgain<T>(name: string): Promise<T> {
  if (!NAME.test(name)) throw new Error(`'${name}' is no name of a document`);
  return (isLive ? await loadLive(name) : await loadStatic(name)) as T;
}

async function loadLive(name: string): Promise<unknown> {
  let response: Response;
  try {
    response = await fetch(`data/${name}.json`, { credentials: "same-origin" });
  } catch {
    throw new Error("The server does not answer. Run 'git datmo ui' again.");
  }
  const body = (await response.json().catch(() => null)) as { error?: string; hint?: string; content?: string } | null;
  if (!response.ok) {
    const text = [body?.error ?? `The server answers ${response.status}`, body?.hint].filter(Boolean).join("; ");
    throw new NotHere(text, body?.content ?? "");
  }
  return body;
}

function loadStatic(name: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    waiting.set(name, (content) => unpack(content).then(resolve, reject));
    script.onload = () => {
      script.remove();
      if (waiting.delete(name)) reject(new Error("This document is damaged."));
    };
    script.onerror = () => {
      script.remove();
      waiting.delete(name);
      reject(new Error("This is not in this export."));
    };
    script.src = `data/${name}.js`;
    document.head.append(script);
  });
}

async function unpack(content: string): Promise<unknown> {
  const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

/** Returns the address of a binary file. `suffix` has its dot, or is empty. */
export function fileAddress(blob: string, suffix: string): string {
  const clean = suffix.replace(/[^A-Za-z0-9.]/g, "");
  return isLive ? `file/${blob}` : `data/file/${blob}${clean}`;
}
