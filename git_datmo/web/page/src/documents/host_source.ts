/** Asks the page around the frame for documents, which passes the questions to a notebook's kernel. */

import { notHere, unpack, type DocumentSource } from "./source_types";

interface Answer { id?: number; error?: string; hint?: string; content?: string; media?: string; event?: Record<string, unknown> }
interface Asker { resolve: (bytes: ArrayBuffer, answer: Answer) => void; reject: (error: Error) => void }

const askers = new Map<number, Asker>();
const files = new Map<string, Promise<string>>();
let last = 0;
let onEvent: (event: Record<string, unknown>) => void = () => {};

export function hostSource(): DocumentSource {
  window.addEventListener("message", receive);
  return { isLive: true, load: (name) => ask("document", name, unpack), file, follow, fetchPayload };
}

function receive(message: MessageEvent<{ datmo?: Answer; bytes?: ArrayBuffer }>): void {
  const answer = message.data?.datmo;
  if (message.source !== window.parent || !answer) return;
  if (answer.event) onEvent(answer.event);
  const asker = askers.get(answer.id ?? 0);
  askers.delete(answer.id ?? 0);
  if (answer.error) asker?.reject(notHere(answer, ""));
  else asker?.resolve(message.data.bytes ?? new ArrayBuffer(0), answer);
}

function ask<T>(kind: string, name: string, read: (bytes: ArrayBuffer, answer: Answer) => T | Promise<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    last += 1;
    askers.set(last, { resolve: (bytes, answer) => resolve(read(bytes, answer)), reject });
    window.parent.postMessage({ datmo: { id: last, kind, name } }, "*");
  });
}

function file(blob: string, suffix: string): Promise<string> {
  const name = `${blob}${suffix}`;
  let address = files.get(name);
  if (!address) {
    address = ask("file", name, (bytes, answer) => URL.createObjectURL(new Blob([bytes], { type: answer.media })));
    files.set(name, address);
    address.catch(() => files.delete(name));
  }
  return address;
}

function follow(handle: (event: Record<string, unknown>) => void): void {
  onEvent = handle;
  void ask("follow", "", () => null);
}

function fetchPayload(content: string): Promise<string> {
  return ask("fetch", content, () => "").catch((error: Error) => error.message);
}
