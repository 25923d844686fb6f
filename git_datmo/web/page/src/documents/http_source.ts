/** Loads documents from the server of `git datmo ui`. */

import { notHere, type DocumentSource } from "./source_types";

const NO_ANSWER = "The server does not answer. Run 'git datmo ui' again.";

export function httpSource(): DocumentSource {
  return { isLive: true, load, file: (blob) => `file/${blob}`, follow, fetchPayload };
}

async function load(name: string): Promise<unknown> {
  let response: Response;
  try {
    response = await fetch(`data/${name}.json`, { credentials: "same-origin" });
  } catch {
    throw new Error(NO_ANSWER);
  }
  const body = (await response.json().catch(() => null)) as { error?: string; hint?: string; content?: string } | null;
  if (!response.ok) throw notHere(body, `The server answers ${response.status}`);
  return body;
}

function follow(handle: (event: Record<string, unknown>) => void, connect: (isConnected: boolean) => void): void {
  if (typeof EventSource === "undefined") return;
  const events = new EventSource("events");
  events.onopen = () => connect(true);
  events.onerror = () => connect(false);
  events.onmessage = (message) => handle(JSON.parse(message.data as string) as Record<string, unknown>);
}

async function fetchPayload(content: string): Promise<string> {
  const response = await fetch("fetch", {
    method: "POST",
    credentials: "same-origin",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ content }),
  }).catch(() => null);
  if (response?.ok) return "";
  const answer = (await response?.json().catch(() => null)) as { error?: string } | null;
  return answer?.error ?? "The server does not answer.";
}
