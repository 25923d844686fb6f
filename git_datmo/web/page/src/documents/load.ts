/** Loads documents by name, and keeps those that are loaded. */

import { signal, type Signal } from "@preact/signals";
import { source } from "./source";
import { NotHere } from "./source_types";

export type Loaded<T> = { state: "loading" } | { state: "error"; error: string; content: string } | { state: "ready"; value: T };

export const isLive = source.isLive;

const NAME = /^[a-z0-9/-]+$/;
const promises = new Map<string, Promise<unknown>>();
const signals = new Map<string, Signal<Loaded<unknown>>>();

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

/** Forgets the documents of a run that has ended and is gone. */
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
  return (await source.load(name)) as T;
}
