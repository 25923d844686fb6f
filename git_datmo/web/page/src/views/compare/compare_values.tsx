/** Tables of values, one column an experiment; rows that differ come first. */

import { useState } from "preact/hooks";
import type { ExperimentDocument, Value } from "../../documents/types";
import { count, cutTitle, shortId, showAligned, showSeconds, showValue } from "../../format";
import { knownGoal } from "../../query/goals";
import { PlainTable, type Cell } from "../../parts/plain_table";
import { Section } from "../../parts/section";
import { FACTS } from "../experiments/column_choice";
import { textOf, titleOf } from "../experiment/experiment_view";

interface Row { name: string; values: Value[]; goal: string }

// Longer texts are aligned to the left.
const LONGEST_RIGHT = 24;

export function CompareValues({ documents }: { documents: ExperimentDocument[] }) {
  const parameters = collect(documents, (document) => document.params.map(({ name, value }) => [name, value, ""]));
  const metrics = collect(documents, (document) => document.metrics.map(({ name, last, goal }) => [name, last, goal || knownGoal(name)]));
  const facts = ["why", "status", "author", "branch", "code", "data", "environment", "seconds"].map((name) => ({ name: FACTS[name]?.[0] ?? name, goal: "", values: documents.map((document) => factOf(document, name)) }));
  return (
    <>
      <Differing title="Parameters" rows={parameters} documents={documents} />
      <Differing title="Results" rows={metrics} documents={documents} areResults />
      <Differing title="Facts" rows={facts} documents={documents} />
    </>
  );
}

function factOf(document: ExperimentDocument, name: string): Value {
  const value = document.facts[name];
  return name === "seconds" && typeof value === "number" ? showSeconds(value) : textOf(document, name) || null;
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

interface Props { title: string; rows: Row[]; documents: ExperimentDocument[]; areResults?: boolean }

function Differing({ title, rows, documents, areResults = false }: Props) {
  const [showsAll, setShowsAll] = useState(false);
  const different = areResults ? rows : rows.filter(differs);
  const same = rows.length - different.length;
  const shown = showsAll ? [...different, ...rows.filter((row) => !different.includes(row))] : different;
  const hasNumbers = shown.some((row) => row.values.some((value) => typeof value === "number"));
  const headings = [{ name: "Name" }, ...documents.map((document, place) => ({ name: headingOf(document, place), show: <Heading document={document} place={place} />, isNumber: hasNumbers }))];
  const tools = same > 0 && <button type="button" class="button small" aria-expanded={showsAll} onClick={() => setShowsAll(!showsAll)}>{showsAll ? "Hide" : "Show"} {count(same, "equal value")}</button>;
  if (!rows.length) return null;
  return (
    <Section title={title} tools={tools}>
      {shown.length ? <PlainTable name={title} isNarrow headings={headings} rows={shown.map((row) => cellsOf(row, areResults))} /> : <p class="quiet">Nothing differs.</p>}
    </Section>
  );
}

function headingOf(document: ExperimentDocument, place: number): string {
  return `${place + 1}. ${titleOf(document)} ${shortId(document.id)}`;
}

/** The number, title and id of an experiment, since many experiments have the same title. */
function Heading({ document, place }: { document: ExperimentDocument; place: number }) {
  return <span title={titleOf(document)}>{place + 1}. {cutTitle(titleOf(document), 40)} <code class="quiet">{shortId(document.id)}</code></span>;
}

function cellsOf(row: Row, areResults: boolean): Cell[] {
  const numbers = row.values.filter((value): value is number => typeof value === "number");
  const best = row.goal && numbers.length > 1 && differs(row) ? (row.goal === "max" ? Math.max(...numbers) : Math.min(...numbers)) : null;
  const aligned = areResults ? showAligned(numbers) : null;
  const show = (value: Value) => (aligned && typeof value === "number" ? aligned(value) : showValue(value, 8));
  return [
    { value: row.name },
    ...row.values.map((value): Cell => ({
      value,
      tone: `${differs(row) ? "differs" : ""} ${best !== null && value === best ? "best" : ""} ${show(value).length > LONGEST_RIGHT ? "long" : ""}`,
      show: value === null ? <span class="quiet">–</span> : <span class="cut-long">{show(value).slice(0, 400)}</span>,
    })),
  ];
}
