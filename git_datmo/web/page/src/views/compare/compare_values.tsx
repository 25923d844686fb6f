/** Tables of values, one column an experiment; rows that differ come first. */

import { useState } from "preact/hooks";
import type { ExperimentDocument, Value } from "../../documents/types";
import { count, showValue } from "../../format";
import { knownGoal } from "../../query/goals";
import { PlainTable, type Cell } from "../../parts/plain_table";
import { Section } from "../../parts/section";
import { textOf, titleOf } from "../experiment/experiment_view";

interface Row { name: string; values: Value[]; goal: string }

export function CompareValues({ documents }: { documents: ExperimentDocument[] }) {
  const parameters = collect(documents, (document) => document.params.map(({ name, value }) => [name, value, ""]));
  const metrics = collect(documents, (document) => document.metrics.map(({ name, last, goal }) => [name, last, goal || knownGoal(name)]));
  const facts = ["why", "status", "author", "branch", "code", "data", "environment", "seconds"].map((name) => ({ name, goal: "", values: documents.map((document) => textOf(document, name) || null) }));
  return (
    <>
      <Differing title="Parameters" rows={parameters} documents={documents} />
      <Differing title="Results" rows={metrics} documents={documents} keepsSame />
      <Differing title="Facts" rows={facts} documents={documents} />
    </>
  );
}

export function CompareEnvironment({ documents }: { documents: ExperimentDocument[] }) {
  const packages = collect(documents, ({ environment }) => environment.packages.map(([name, version]) => [name, version, ""]));
  const lines = collect(documents, ({ environment, machine }) => [["Engine", environment.engine, ""], ["Python", environment.python, ""], ...environment.lines.map(([name, value]): [string, Value, string] => [name, value, ""]), ...machine.map(([name, value]): [string, Value, string] => [name, value, ""])]);
  return (
    <>
      <Differing title="Packages" rows={packages} documents={documents} />
      <Differing title="Environment and machine" rows={lines} documents={documents} />
    </>
  );
}

function collect(documents: ExperimentDocument[], read: (document: ExperimentDocument) => [string, Value, string][]): Row[] {
  const rows = new Map<string, Row>();
  documents.forEach((document, place) => {
    for (const [name, value, goal] of read(document)) {
      const row = rows.get(name) ?? { name, goal, values: documents.map(() => null) };
      row.values[place] = value;
      rows.set(name, row);
    }
  });
  return [...rows.values()];
}

function differs(row: Row): boolean {
  return row.values.some((value) => value !== row.values[0]);
}

interface Props { title: string; rows: Row[]; documents: ExperimentDocument[]; keepsSame?: boolean }

function Differing({ title, rows, documents, keepsSame = false }: Props) {
  const [showsAll, setShowsAll] = useState(false);
  const different = keepsSame ? rows : rows.filter(differs);
  const same = rows.length - different.length;
  const shown = showsAll ? [...different, ...rows.filter((row) => !different.includes(row))] : different;
  const headings = [{ name: "Name" }, ...documents.map((document, place) => ({ name: `${place + 1}. ${titleOf(document).slice(0, 40)}` }))];
  const tools = same > 0 && <button type="button" class="text-button" onClick={() => setShowsAll(!showsAll)}>{showsAll ? "Hide" : "Show"} {count(same, "equal value")}</button>;
  if (!rows.length) return null;
  return (
    <Section title={title} tools={tools}>
      {shown.length ? <PlainTable name={title} isNarrow headings={headings} rows={shown.map(cellsOf)} /> : <p class="quiet">Nothing differs.</p>}
    </Section>
  );
}

function cellsOf(row: Row): Cell[] {
  const numbers = row.values.filter((value): value is number => typeof value === "number");
  const best = row.goal && differs(row) ? (row.goal === "max" ? Math.max(...numbers) : Math.min(...numbers)) : null;
  return [
    { value: row.name },
    ...row.values.map((value): Cell => ({
      value,
      tone: `${differs(row) ? "differs" : ""} ${best !== null && value === best ? "best" : ""}`,
      show: value === null ? <span class="quiet">–</span> : <span class="cut-long">{String(showValue(value, 8)).slice(0, 400)}</span>,
    })),
  ];
}
