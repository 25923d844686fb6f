/** Types and functions that all sources of documents share. */

/** A document that is not here. `content` is the payload to fetch, if a remote has it. */
export class NotHere extends Error {
  constructor(message: string, readonly content: string) {
    super(message);
  }
}

export interface DocumentSource {
  /** Is true if the source follows a repository, and can fetch payloads. */
  readonly isLive: boolean;
  /** Returns a document; throws `NotHere` or another error. */
  load(name: string): Promise<unknown>;
  /** Returns the address of a stored file. `suffix` has its dot, or is empty. */
  file(blob: string, suffix: string): string | Promise<string>;
  /** Calls `handle` for each event of the repository, and `connect` when the connection changes. */
  follow(handle: (event: Record<string, unknown>) => void, connect: (isConnected: boolean) => void): void;
  /** Begins to fetch a payload; returns an error, or "". */
  fetchPayload(content: string): Promise<string>;
}

/** Has no events and no payloads to fetch. */
export const STILL = { isLive: false, follow() {}, fetchPayload: () => Promise.resolve("") } as const;

/** Returns the error for an answer that has no document. */
export function notHere(answer: { error?: string; hint?: string; content?: string } | null, otherwise: string): NotHere {
  const text = [answer?.error ?? otherwise, answer?.hint].filter(Boolean).join("; ");
  return new NotHere(text, answer?.content ?? "");
}

export function bytesOfBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

/** Returns the document in compressed JSON (gzip). */
export async function unpack(bytes: BlobPart): Promise<unknown> {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}
