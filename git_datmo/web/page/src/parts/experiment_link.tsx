/** A link to an experiment, by its subject if the table has it. */

import { addressOf } from "../address";
import { factText, findRow } from "../documents/experiments_store";
import { shortId } from "../format";

export function ExperimentLink({ id, withId = false }: { id: string; withId?: boolean }) {
  const row = findRow(id);
  const subject = row < 0 ? "" : titleOfRow(row);
  return (
    <a class="experiment-link" href={addressOf("experiment", id)}>
      {subject || <code>{shortId(id)}</code>}
      {subject && withId && <code class="quiet">{shortId(id)}</code>}
    </a>
  );
}

/** Returns the name that people know an experiment by. */
export function titleOfRow(row: number): string {
  return factText("message", row).split("\n")[0] || factText("subject", row);
}
