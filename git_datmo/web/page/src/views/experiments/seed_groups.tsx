/** Groups of runs that have the same code and parameters but for the seed. */

import { computed, signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { parameter, setParameters } from "../../address";
import { columnValues, fact, requireColumns, table } from "../../documents/experiments_store";
import { Icon } from "../../parts/icon";

export const SEED = /(^|[._\s-])seed$/i;
// Parameters of a wide table are loaded when a person asks for groups, not for the offer.
const MOST_OFFERED = 60;
const ready = signal(0);

/** Returns the full names of all parameters. */
export function parameterNames(): string[] {
  return (table.value?.document.columns ?? []).filter((info) => info.section === "params").map((info) => info.name);
}

/** Loads the columns that the groups need. */
export async function loadSeedGroups(): Promise<void> {
  if (columnValues("same")) return;
  await requireColumns(parameterNames());
  ready.value += 1;
}

/** One text a row, equal for rows of the same group; "" for rows that are in none. */
export const seedKeys = computed<string[]>(() => {
  ready.value;
  const current = table.value;
  if (!current) return [];
  const given = columnValues("same");
  if (given) return given.map((value) => (value === null ? "" : String(value)));
  const columns = parameterNames().filter((name) => !SEED.test(name)).map((name) => columnValues(name));
  return current.ids.map((_, row) => {
    const values = columns.map((column) => column?.[row] ?? null);
    if (values.every((value) => value === null)) return "";
    return JSON.stringify([fact("tree", row) ?? fact("code", row), ...values]);
  });
});

/** Offers to group runs if at least two differ in nothing but the seed. */
export function SeedOffer() {
  const names = parameterNames();
  const hasSeed = names.some((name) => SEED.test(name)) && names.length <= MOST_OFFERED;
  useEffect(() => {
    if (hasSeed) void loadSeedGroups();
  }, [table.value, hasSeed]);
  if (!hasSeed || parameter("group")) return null;
  const counts = new Map<string, number>();
  for (const key of seedKeys.value) if (key) counts.set(key, (counts.get(key) ?? 0) + 1);
  const several = [...counts.values()].filter((count) => count > 1).length;
  if (!several) return null;
  return (
    <button type="button" class="chip" onClick={() => setParameters({ group: "same" })}>
      <Icon name="group" />{several === 1 ? "1 group differs only in the seed" : `${several} groups differ only in the seed`}
    </button>
  );
}
