/** Keeps the state of a view in the hash of the address, so that Back works and a link shows the same. */

import { computed, signal } from "@preact/signals";

export interface Route { view: string; rest: string; query: URLSearchParams }

const hash = signal(location.hash);

export const route = computed<Route>(() => parseHash(hash.value));

function parseHash(text: string): Route {
  const plain = text.replace(/^#\/?/, "");
  const mark = plain.indexOf("?");
  const path = mark < 0 ? plain : plain.slice(0, mark);
  const slash = path.indexOf("/");
  return {
    view: (slash < 0 ? path : path.slice(0, slash)) || "experiments",
    rest: slash < 0 ? "" : decode(path.slice(slash + 1)),
    query: new URLSearchParams(mark < 0 ? "" : plain.slice(mark + 1)),
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

window.addEventListener("hashchange", () => (hash.value = location.hash));

/** Returns the hash for a view. Parameters that are empty are left out. */
export function addressOf(view: string, rest = "", query: Record<string, string | undefined> = {}): string {
  const filled = Object.entries(query).filter((pair): pair is [string, string] => Boolean(pair[1]));
  const text = new URLSearchParams(filled).toString();
  const path = rest ? `${view}/${rest.split("/").map(encodeURIComponent).join("/").replaceAll("%2C", ",")}` : view;
  return `#/${path}${text ? `?${text}` : ""}`;
}

/** Returns a parameter of the current address; "" if it has none. */
export function parameter(name: string): string {
  return route.value.query.get(name) ?? "";
}

/**
 * Changes parameters of the current view. A change that people step back over is pushed on the
 * history; one of many small ones, such as a letter in a search, replaces the entry.
 */
export function setParameters(changes: Record<string, string>, how: "push" | "replace" = "push"): void {
  const { view, rest, query } = route.peek();
  const merged: Record<string, string> = Object.fromEntries(query.entries());
  const next = addressOf(view, rest, { ...merged, ...changes });
  if (next === location.hash) return;
  if (how === "push") history.pushState(null, "", next);
  else history.replaceState(null, "", next);
  hash.value = next;
}

/** Leads to another address, and Back does not lead to the current one. */
export function replaceAddress(next: string): void {
  history.replaceState(null, "", next);
  hash.value = next;
}

export function go(address: string): void {
  location.hash = address;
}

/** Reads a list that is separated by commas; commas in an entry are escaped. */
export function readList(text: string): string[] {
  return text ? text.split(",").map(decode) : [];
}

export function writeList(entries: Iterable<string>): string {
  return [...entries].map((entry) => entry.replace(/[%,]/g, encodeURIComponent)).join(",");
}
