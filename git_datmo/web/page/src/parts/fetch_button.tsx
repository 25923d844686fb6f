/** Fetches a payload from its remote when a person asks for it, and shows how far it is. */

import { fetches, fetchPayload } from "../documents/live_events";
import { isLive } from "../documents/load";
import { showSize } from "../format";

export function FetchButton({ content, size }: { content: string; size?: number }) {
  const progress = fetches.value[content];
  if (!isLive) return null;
  return (
    <span class="fetch">
      {(!progress || progress.error) && <button type="button" class="button" onClick={() => void fetchPayload(content)}>Fetch{size === undefined ? "" : ` ${showSize(size)}`}</button>}
      {progress && !progress.error && <progress value={progress.done} max={progress.total || 1} aria-label="Fetching" />}
      {progress?.error && <span class="bad-text" role="alert">{progress.error}</span>}
    </span>
  );
}
