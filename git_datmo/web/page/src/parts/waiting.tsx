/** Shows a document when it is there, and until then that it loads or why it cannot be shown. */

import type { ComponentChildren } from "preact";
import { watch, type Loaded } from "../documents/load";
import { FetchButton } from "./fetch_button";

interface Props<T> { document: Loaded<T>; children: (value: T) => ComponentChildren }

export function Waiting<T>({ document, children }: Props<T>) {
  if (document.state === "ready") return <>{children(document.value)}</>;
  if (document.state === "error") {
    return <p class="notice" role="status">{document.error} {document.content && <FetchButton content={document.content} />}</p>;
  }
  return <p class="loading" role="status">Loading…</p>;
}

interface NamedProps<T> { name: string; children: (value: T) => ComponentChildren }

/** Loads a document by name. */
export function Document<T>({ name, children }: NamedProps<T>) {
  return <Waiting document={watch<T>(name).value}>{children}</Waiting>;
}
