/** One experiment: its purpose, its results, and everything else that its record has. */

import { useEffect } from "preact/hooks";
import { addressOf, parameter, replaceAddress } from "../../address";
import { fact, findRow, keyOf, table } from "../../documents/experiments_store";
import { complete } from "../../documents/experiment_document";
import { forgetRun } from "../../documents/load";
import type { ExperimentDocument } from "../../documents/types";
import { showAge, showSeconds, showTime } from "../../format";
import { CommandLine, CopyButton } from "../../parts/command_line";
import { Status } from "../../parts/status";
import { Document } from "../../parts/waiting";
import { CodeTab } from "./code_tab";
import { CurvesTab } from "./curves_tab";
import { DataTab } from "./data_tab";
import { EnvironmentTab } from "./environment_tab";
import { FeedbackTab } from "./feedback_tab";
import { LineageTab } from "./lineage_tab";
import { LogTab } from "./log_tab";
import { MediaTab } from "./media_tab";
import { OverviewTab } from "./overview_tab";

const TABS: [string, string, (document: ExperimentDocument) => boolean][] = [
  ["", "Overview", () => true],
  ["curves", "Curves", (document) => document.metrics.some((metric) => metric.curve)],
  ["media", "Media", (document) => document.media.length > 0],
  ["data", "Data and model", (document) => document.inputs.length + document.outputs.length + (document.payloads?.length ?? 0) > 0],
  ["code", "Code", (document) => Boolean(document.code.files)],
  ["environment", "Environment", (document) => Boolean(document.environment.id) || document.machine.length > 0],
  ["feedback", "Feedback", (document) => Boolean(document.feedback)],
  ["log", "Log", (document) => Boolean(document.log)],
  ["lineage", "Lineage", (document) => document.parents.length + document.children.length + document.inputs.length + document.outputs.length > 0],
];

export function ExperimentView({ id }: { id: string }) {
  const row = findRow(id);
  const full = row < 0 ? id : (table.value?.ids[row] ?? id);
  if (!/^([0-9a-f]{16,64}|run-[0-9a-f]+)$/.test(full)) return <p class="notice">There is no experiment {id.slice(0, 64)}.</p>;
  return <Document<ExperimentDocument> name={`experiment/${keyOf(full)}`}>{(document) => isRun(full) && !isRun(document.id) ? <Ended run={full} id={document.id} /> : <Experiment document={complete(document)} row={row} />}</Document>;
}

/** Leads from the address of a run that has ended to its experiment. */
function Ended({ run, id }: { run: string; id: string }) {
  useEffect(() => {
    replaceAddress(addressOf("experiment", id, { tab: parameter("tab") }));
    forgetRun(run);
  }, [run, id]);
  return null;
}

export function textOf(document: ExperimentDocument, name: string): string {
  const value = document.facts[name];
  return value === null || value === undefined ? "" : String(value);
}

function isRun(id: string): boolean {
  return id.startsWith("run-");
}

/** Returns true for a run in progress, which has no record yet. */
export function isRunning(document: ExperimentDocument): boolean {
  return isRun(document.id);
}

export function titleOf(document: ExperimentDocument): string {
  return textOf(document, "message").split("\n")[0] || textOf(document, "subject") || document.id.slice(0, 8);
}

function Experiment({ document, row }: { document: ExperimentDocument; row: number }) {
  const tab = parameter("tab");
  const time = Number(document.facts.time);
  const seconds = document.facts.seconds;
  return (
    <div class="view">
      <Neighbours row={row} />
      <div class="view-head">
        <h1>{titleOf(document)}</h1>
        <p class="facts-line">
          <Status status={textOf(document, "status")} />
          {textOf(document, "author") && <span>{textOf(document, "author")}</span>}
          <time title={showAge(time)}>{showTime(time)}</time>
          {typeof seconds === "number" && <span>{showSeconds(seconds)}</span>}
          {textOf(document, "branch") && <span>{textOf(document, "branch")}</span>}
          <span class="with-copy"><code>{document.id.slice(0, 12)}</code><CopyButton text={document.id} label="Copy the id" /></span>
          {document.tags.map((tag) => <span class="tag" key={tag}>{tag}</span>)}
        </p>
      </div>
      <nav class="tabs" aria-label="Parts of the experiment">
        {TABS.filter(([, , isUseful]) => isUseful(document)).map(([name, label]) => (
          <a key={name} href={addressOf("experiment", document.id, { tab: name })} aria-current={name === tab ? "page" : undefined} ref={name === tab ? scrollToTab : undefined}>{label}</a>
        ))}
      </nav>
      <Tab name={tab} document={document} />
      <CommandLine command={isRunning(document) ? `git datmo logs -f ${document.id.slice(4, 14)}` : `git datmo show ${document.id.slice(0, 12)}`} label="On the command line" />
    </div>
  );
}

/** Scrolls a narrow row of tabs so that the chosen one is in it. The page does not move. */
function scrollToTab(tab: HTMLElement | null) {
  const row = tab?.parentElement;
  if (tab && row) row.scrollLeft = tab.offsetLeft + tab.offsetWidth - row.offsetLeft - row.clientWidth;
}

function Tab({ name, document }: { name: string; document: ExperimentDocument }) {
  switch (name) {
    case "curves":
      return <CurvesTab document={document} />;
    case "media":
      return <MediaTab media={document.media} />;
    case "data":
      return <DataTab document={document} />;
    case "code":
      return <CodeTab document={document} />;
    case "environment":
      return <EnvironmentTab document={document} />;
    case "feedback":
      return <FeedbackTab name={document.feedback} />;
    case "log":
      return <LogTab name={document.log} />;
    case "lineage":
      return <LineageTab document={document} />;
    default:
      return <OverviewTab document={document} />;
  }
}

/** Returns the next row that is more than a snapshot that follows the data. */
function nextRun(row: number, step: number): number {
  let next = row + step;
  while (fact("is_data_only", next)) next += step;
  return next;
}

/** Links to the experiments before and after this one. */
function Neighbours({ row }: { row: number }) {
  const ids = table.value?.ids ?? [];
  const older = row < 0 ? undefined : ids[nextRun(row, 1)];
  const newer = row < 0 ? undefined : ids[nextRun(row, -1)];
  const tab = parameter("tab");
  return (
    <p class="neighbours">
      <a href="#/experiments">All experiments</a>
      {older && <a href={addressOf("experiment", older, { tab })}>Older</a>}
      {newer && <a href={addressOf("experiment", newer, { tab })}>Newer</a>}
      {older && row >= 0 && <a href={addressOf("compare", [older, ids[row]].join(","))}>Compare with the one before</a>}
    </p>
  );
}
