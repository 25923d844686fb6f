/** The history as people tell it: each try with its reason, its result, and the best so far. */

import { useEffect, useMemo } from "preact/hooks";
import { parameter, setParameters } from "../address";
import { columnValues, findRow, loadedColumns, requireColumns, table } from "../documents/experiments_store";
import type { StoryDocument, StoryEntry, Value } from "../documents/types";
import { count, showDay, showTime, showValue } from "../format";
import { CommandLine } from "../parts/command_line";
import { ExperimentLink } from "../parts/experiment_link";
import { Icon } from "../parts/icon";
import { Markdown } from "../parts/markdown";
import { NothingYet } from "../parts/nothing_yet";
import { Status } from "../parts/status";
import { Thread } from "../parts/thread";
import { Document } from "../parts/waiting";
import { knownGoal, type Goal } from "../query/goals";
import { ProgressChart } from "./progress_chart";
import { ENDED_BADLY, joinSeries, single, tellStory, type Step, type Told } from "./story_steps";

const MOST_SHOWN = 400;
const MOST_MEMBERS = 100;

interface Telling { name: string; label: string; none: string; chooses: (told: Told) => boolean }

const TELL: Telling[] = [
  { name: "", label: "Turning points", none: "", chooses: (told) => told.matters },
  { name: "decisions", label: "Decisions", none: "No decision was noted. git datmo annotate --decision adds one.", chooses: ({ entry }) => entry.notes.some((note) => note.type === "decision") },
  { name: "failed", label: "Failed", none: "No experiment failed.", chooses: ({ entry }) => ENDED_BADLY.has(entry.status) },
  { name: "all", label: "All", none: "", chooses: () => true },
];

export function StoryView() {
  return <Document<StoryDocument> name="story">{(document) => <Story entries={document.entries} />}</Document>;
}

function Story({ entries }: { entries: StoryEntry[] }) {
  const metrics = useMemo(() => metricNames(entries), [entries]);
  const metric = parameter("metric") || metrics.find((name) => knownGoal(name)) || metrics[0] || "";
  const goal: Goal = (parameter("goal") as Goal) || knownGoal(metric) || "max";
  const names = parameterNames();
  useEffect(() => void requireColumns(names), [table.value, names.length]);
  const told = useMemo(() => tellStory(entries, metric, goal, names, readParameter), [entries, metric, goal, loadedColumns.value]);
  const tellOf = TELL.find(({ name }) => name === parameter("tell")) ?? (TELL[0] as Telling);
  const steps = useMemo(() => chooseSteps(told, tellOf, names), [told, tellOf]);
  const best = told.reduce<Told | null>((found, each) => (each.isRecord ? each : found), null);
  if (!entries.length) return <NothingYet title="Story" />;
  return (
    <div class="view">
      <div class="view-head"><h1>Story</h1><Summary entries={entries} best={best} metric={metric} /></div>
      {metric && (
        <section class="panel" aria-label={`Best ${metric} so far`}>
          <div class="options">
            <label class="field"><span>Metric</span><select value={metric} onChange={(event) => setParameters({ metric: event.currentTarget.value, goal: "" })}>{metrics.map((name) => <option key={name}>{name}</option>)}</select></label>
            <label class="field"><span>Better is</span><select value={goal} onChange={(event) => setParameters({ goal: event.currentTarget.value })}><option value="max">larger</option><option value="min">smaller</option></select></label>
          </div>
          <ProgressChart told={told} metric={metric} />
        </section>
      )}
      <div class="segmented" role="group" aria-label="Entries shown">
        {TELL.map((each) => <button key={each.name} type="button" aria-pressed={each === tellOf} onClick={() => setParameters({ tell: each.name })}>{each.label}</button>)}
      </div>
      {!steps.length && <p class="quiet">{tellOf.none}</p>}
      <ol class="timeline story">{steps.slice(-MOST_SHOWN).reverse().map((step, place, all) => <Entry key={step.told.entry.experiment || place} step={step} metric={metric} newDay={place === 0 || dayOf(step.told) !== dayOf((all[place - 1] as Step).told)} />)}</ol>
      {steps.length > MOST_SHOWN && <p class="quiet">The newest {MOST_SHOWN} of {count(steps.length, "entry", "entries")} are shown.</p>}
      <CommandLine command="git datmo log --branches --remotes --tags --graph" label="On the command line" />
    </div>
  );
}

function chooseSteps(told: Told[], tellOf: Telling, names: string[]): Step[] {
  if (tellOf !== TELL[0]) return told.filter(tellOf.chooses).map(single);
  return joinSeries(told, names, readParameter).filter(({ members }) => members.some(tellOf.chooses));
}

// The parameters of a very wide table are not loaded for a line of text.
const MOST_PARAMETERS = 60;

function parameterNames(): string[] {
  return (table.value?.document.columns ?? []).filter((info) => info.section === "params").map((info) => info.name).slice(0, MOST_PARAMETERS);
}

function readParameter(experiment: string, name: string): Value {
  return columnValues(name)?.[findRow(experiment)] ?? null;
}

function Summary({ entries, best, metric }: { entries: StoryEntry[]; best: Told | null; metric: string }) {
  const people = [...new Set(entries.map((entry) => entry.author))];
  const first = entries[0] as StoryEntry;
  const last = entries[entries.length - 1] as StoryEntry;
  const days = showDay(first.time) === showDay(last.time) ? `on ${showDay(first.time)}` : `from ${showDay(first.time)} to ${showDay(last.time)}`;
  return (
    <p class="lead">
      {count(entries.filter((entry) => entry.experiment).length, "experiment")} by {people.length > 3 ? count(people.length, "person", "people") : people.join(" and ")}, {days}.
      {best && <> The best {metric} is <strong class="figure">{showValue(best.value)}</strong>, from <ExperimentLink id={best.entry.experiment} /> by {best.entry.author}.</>}
    </p>
  );
}

function Entry({ step, metric, newDay }: { step: Step; metric: string; newDay: boolean }) {
  const { told, members } = step;
  const { entry, value, isRecord, change } = told;
  const isSeries = members.length > 1;
  return (
    <>
      {newDay && <li class="day"><h2>{dayOf(told)}</h2></li>}
      <li class={`entry ${isRecord ? "record" : ""}`}>
        <div class="entry-when">
          <time class="figure">{showTime(entry.time).slice(11)}</time>
          <span class="quiet">{entry.author}</span>
        </div>
        <div class="entry-body">
          <h3>{entry.experiment ? <ExperimentLink id={entry.experiment} /> : entry.subject}{isSeries && <span class="quiet"> {isRecord ? `best of ${members.length}` : `and ${members.length - 1} more`}</span>}</h3>
          {entry.why && <div class="why"><Markdown text={entry.why} /></div>}
          <p class="figures">
            {value !== null && <span class={isRecord ? "best" : ""}>{isRecord && <Icon name="best" />}{metric} <strong class="figure">{showValue(value)}</strong>{isRecord && change && <span class="quiet"> ({change})</span>}</span>}
            {entry.status !== "completed" && entry.status !== "success" && <Status status={entry.status} />}
            {entry.branch && entry.branch !== table.value?.document.repository.branch && <span class="quiet">{entry.branch}</span>}
            {entry.tags.map((tag) => <span key={tag} class="tag">{tag}</span>)}
          </p>
          {step.ranges.length > 0 && <p class="quiet small">{step.ranges.join(isSeries ? "; " : ", ")}</p>}
          <Thread notes={members.flatMap((each) => each.entry.notes)} />
          {isSeries && <Members members={members} metric={metric} />}
        </div>
      </li>
    </>
  );
}

/** Lists the experiments of a series, the newest first. */
function Members({ members, metric }: { members: Told[]; metric: string }) {
  return (
    <details class="disclosure">
      <summary>All {count(members.length, "experiment")}</summary>
      <ul class="members">
        {members.slice(-MOST_MEMBERS).reverse().map(({ entry, value, isRecord }) => (
          <li key={entry.experiment}><ExperimentLink id={entry.experiment} /> {value !== null && <span class={isRecord ? "best figure" : "figure"} title={metric}>{showValue(value)}</span>} {entry.notes.length > 0 && <span class="quiet">{count(entry.notes.length, "note")}</span>}</li>
        ))}
      </ul>
      {members.length > MOST_MEMBERS && <p class="quiet small">The newest {MOST_MEMBERS} are shown.</p>}
    </details>
  );
}

function dayOf(told: Told): string {
  return showDay(told.entry.time);
}

/** Returns the metrics, the most frequent first. */
function metricNames(entries: StoryEntry[]): string[] {
  const counts = new Map<string, number>();
  for (const entry of entries) for (const [name, value] of Object.entries(entry.values)) if (typeof value === "number") counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].sort((one, other) => other[1] - one[1]).map(([name]) => name).slice(0, 200);
}
