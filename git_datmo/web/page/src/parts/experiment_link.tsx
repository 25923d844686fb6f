/** A link to an experiment, by its subject if the table has it. */

import { addressOf } from "../address";
import { computed } from "@preact/signals";
import { factText, findRow, table } from "../documents/experiments_store";
import { cutTitle, shortId } from "../format";

export function ExperimentLink({ id, withId = false }: { id: string; withId?: boolean }) {
  const row = findRow(id);
  const subject = row < 0 ? "" : titleOfRow(row);
  return (
    <a class="experiment-link" href={addressOf("experiment", id)}>
      {cutTitle(subject) || <code>{shortId(id)}</code>}
      {subject && (withId || repeatedTitles.value.has(subject)) && <code class="quiet">{shortId(id)}</code>}
    </a>
  );
}

/** Titles that more than one experiment has, as those of a sweep. */
const repeatedTitles = computed<Set<string>>(() => {
  const seen = new Set<string>();
  const repeated = new Set<string>();
  for (let row = 0; row < (table.value?.count ?? 0); row += 1) {
    const title = titleOfRow(row);
    (seen.has(title) ? repeated : seen).add(title);
  }
  return repeated;
});

/** Returns the name that people know an experiment by. */
export function titleOfRow(row: number): string {
  return factText("message", row).split("\n")[0] || factText("subject", row);
}
