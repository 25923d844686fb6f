/** The status of a run as a word and a shape, since colour alone does not tell. */

const GOOD = new Set(["completed", "success", "reproduced", "identical", "agrees", "holds", "fits", "passed"]);
const BAD = new Set(["failed", "killed", "differs", "different", "broken", "does not fit", "drifted"]);
const WORDS: Record<string, string> = { completed: "success" };

export function Status({ status }: { status: string }) {
  if (!status) return null;
  const tone = GOOD.has(status) ? "good" : BAD.has(status) ? "bad" : status === "running" ? "busy" : "calm";
  return (
    <span class={`status ${tone}`}>
      <span class="status-shape" aria-hidden="true" />
      {WORDS[status] ?? status}
    </span>
  );
}
