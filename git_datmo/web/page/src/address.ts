/** Keeps the state of a view in the hash of the address, so that Back works and a link shows the same. */

import { computed, signal } from "@preact/signals";

export interface Route { view: string; rest: string; query: URLSearchParams }

// A frame that a notebook fills with HTML has no address of its own: it keeps the state in memory.
const hasAddress = location.protocol !== "about:";
const hash = signal(hasAddress ? location.hash : (document.documentElement.dataset.address ?? ""));

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

if (hasAddress) window.addEventListener("hashchange", () => (hash.value = location.hash));
else document.addEventListener("click", followLink);

function followLink(event: MouseEvent): void {
  const link = event.target instanceof Element ? event.target.closest('a[href^="#"]') : null;
  if (!link || event.defaultPrevented) return;
  event.preventDefault();
  go(link.getAttribute("href") ?? "");
}

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
  if (next === hash.peek()) return;
  if (hasAddress && how === "push") history.pushState(null, "", next);
  else if (hasAddress) history.replaceState(null, "", next);
  hash.value = next;
}

/** Leads to another address, and Back does not lead to the current one. */
export function replaceAddress(next: string): void {
  if (hasAddress) history.replaceState(null, "", next);
  hash.value = next;
}

export function go(address: string): void {
  if (hasAddress) location.hash = address;
  else hash.value = address;
}

/** Reads a list that is separated by commas; commas in an entry are escaped. */
export function readList(text: string): string[] {
  return text ? text.split(",").map(decode) : [];
}

export function writeList(entries: Iterable<string>): string {
  return [...entries].map((entry) => entry.replace(/[%,]/g, encodeURIComponent)).join(",");
}
