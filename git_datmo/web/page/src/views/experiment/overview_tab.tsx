/** The reason for the experiment, its notes, parameters, results and receipts. */

import { useState } from "preact/hooks";
import { addressOf } from "../../address";
import { CurveChart } from "../../charts/curve_chart";
import { distinctCurves } from "../../charts/distinct_curves";
import { isLive } from "../../documents/load";
import type { ExperimentDocument, Note } from "../../documents/types";
import { count, cutTitle, showTime, showValue } from "../../format";
import { CommandLine } from "../../parts/command_line";
import { ExperimentLink } from "../../parts/experiment_link";
import { Markdown } from "../../parts/markdown";
import { PlainTable } from "../../parts/plain_table";
import { Section } from "../../parts/section";
import { Status } from "../../parts/status";
import { Thread } from "../../parts/thread";
import { WhenVisible } from "../../parts/when_visible";
import { Failure } from "./failure";
import { isRunning, textOf, titleOf } from "./experiment_view";

const MOST_CHARTS = 2;
// More metrics would push the curves off the screen.
const MOST_METRICS = 12;

export function OverviewTab({ document }: { document: ExperimentDocument }) {
  const curves = distinctCurves(document.metrics);
  return (
    <div class="columns-two">
      <div>
        <Failure document={document} />
        <Reason document={document} />
        {document.metrics.length > 0 && <Results document={document} />}
        {curves.length > 0 && (
          <Section title="Curves" tools={curves.length > MOST_CHARTS && <a href={addressOf("experiment", document.id, { tab: "curves" })}>All {curves.length}</a>}>
            {curves.slice(0, MOST_CHARTS).map((metric) => (
              <WhenVisible key={metric.name} height={320}>
                {() => <CurveChart title={metric.name} curves={[{ name: metric.curve, label: metric.name, colourIndex: 0 }]} height={230} />}
              </WhenVisible>
            ))}
          </Section>
        )}
      </div>
      <div>
        {document.params.length > 0 && <Section title="Parameters"><ParametersTable document={document} /></Section>}
        <Receipts document={document} />
        <ContractChecks document={document} />
        <ModelTests document={document} />
        <Section title="Run">
          <dl class="facts">
            {document.command && <><dt>Command</dt><dd><code>{document.command}</code></dd></>}
            {document.folder && <><dt>Folder</dt><dd><code>{document.folder}</code></dd></>}
            {textOf(document, "exit") && <><dt>Exit code</dt><dd>{textOf(document, "exit")}</dd></>}
            {document.commit && <><dt>Commit</dt><dd><code>{document.commit.slice(0, 12)}</code>{textOf(document, "subject") !== titleOf(document) && ` ${cutTitle(textOf(document, "subject"))}`}</dd></>}
          </dl>
          {document.attempts.length > 0 && <Attempts ids={document.attempts} />}
        </Section>
        {document.commands.length > 0 && (
          <Section title={isRunning(document) ? "Follow or stop it" : "Run it again, or get its parts"}>
            {inOrder(document.commands).map((each) => <CommandLine key={each.command} command={each.command} label={each.does} />)}
          </Section>
        )}
      </div>
    </div>
  );
}

function Reason({ document }: { document: ExperimentDocument }) {
  const why = textOf(document, "why");
  const message = textOf(document, "message");
  const rest = message.split("\n").slice(1).join("\n").trim();
  if (!why && !rest && !document.annotations.length) {
    if (isRunning(document)) return null;
    return (
      <Section title="Why">
        <p class="quiet">No reason, result or decision was noted.</p>
        {isLive && <CommandLine command={`git datmo annotate --decision TEXT ${document.id.slice(0, 12)}`} label="Note a decision" />}
      </Section>
    );
  }
  return (
    <Section title="Why">
      {why && <div class="why"><Markdown text={why} /></div>}
      {rest && <Markdown text={rest} />}
      <Thread notes={document.annotations as Note[]} />
    </Section>
  );
}

function Results({ document }: { document: ExperimentDocument }) {
  const [showsAll, setShowsAll] = useState(false);
  const { length } = document.metrics;
  const tools = length > MOST_METRICS && <button type="button" class="button small" aria-expanded={showsAll} onClick={() => setShowsAll(!showsAll)}>{showsAll ? `First ${MOST_METRICS}` : `All ${length}`}</button>;
  return <Section title="Results" tools={tools}><MetricsTable document={document} most={showsAll ? length : MOST_METRICS} /></Section>;
}

function MetricsTable({ document, most }: { document: ExperimentDocument; most: number }) {
  const hasCurves = document.metrics.some((metric) => metric.curve);
  const headings = ["Metric", "Last", ...(hasCurves ? ["Best", "Min", "Max", "Points"] : [])].map((name, place) => ({ name, isNumber: place > 0 }));
  const rows = document.metrics.slice(0, most).map((metric) => [
    { value: metric.name, show: <>{metric.name}{metric.goal && <span class="quiet small"> {metric.goal}</span>}</> },
    { value: metric.last, show: <strong>{showValue(metric.last)}</strong> },
    ...(hasCurves ? [metric.best, metric.min, metric.max].map((value) => ({ value, show: showValue(value) })) : []),
    ...(hasCurves ? [{ value: metric.points || null, show: metric.points ? showValue(metric.points) : "" }] : []),
  ]);
  return <PlainTable name="Metrics" headings={headings} rows={rows} />;
}

function ParametersTable({ document }: { document: ExperimentDocument }) {
  const rows = document.params.map((each) => [
    { value: each.name },
    { value: each.value, show: <span class="cut-long" title={String(each.value).slice(0, 500)}>{String(showValue(each.value, 12)).slice(0, 2000)}</span> },
    { value: each.source, show: <span class="quiet">{each.source}</span> },
  ]);
  return <PlainTable name="Parameters" headings={[{ name: "Parameter" }, { name: "Value", isNumber: true }, { name: "From" }]} rows={rows} />;
}

function Receipts({ document }: { document: ExperimentDocument }) {
  if (!document.command || isRunning(document)) return null;
  if (!document.receipts.length) return <Section title="Does it reproduce?"><p class="quiet">Nobody has run it again yet.</p></Section>;
  return (
    <Section title="Does it reproduce?">
      <ul class="receipts">
        {document.receipts.map((receipt, place) => (
          <li key={place}>
            <Status status={receipt.verdict} />
            <span class="quiet">{receipt.author}, {showTime(receipt.time)}{receipt.engine && `, ${receipt.engine}`}</span>
            {receipt.differences.length > 0 && <ul class="differences">{receipt.differences.map((text, at) => <li key={at}>{text}</li>)}</ul>}
          </li>
        ))}
      </ul>
    </Section>
  );
}

function ContractChecks({ document }: { document: ExperimentDocument }) {
  if (!document.checks.length) return null;
  return (
    <Section title="Do the data keep their contracts?">
      <ul class="receipts">
        {document.checks.map((check) => (
          <li key={check.contract}>
            <Status status={check.verdict} />
            <span class="quiet"><a href={addressOf("contracts", check.contract)}>{check.contract}</a>, {check.counts}</span>
            {(check.first || check.drift) && <ul class="differences">{[check.first, check.drift].filter(Boolean).map((text) => <li key={text}>{text}</li>)}</ul>}
          </li>
        ))}
      </ul>
    </Section>
  );
}

/** Returns the commands with the one that runs the experiment again in front. */
function inOrder(commands: ExperimentDocument["commands"]): ExperimentDocument["commands"] {
  const isRun = ({ command }: { command: string }) => command.startsWith("git datmo reproduce");
  return [...commands.filter(isRun), ...commands.filter((each) => !isRun(each))];
}

function ModelTests({ document }: { document: ExperimentDocument }) {
  if (!document.tests.length) return null;
  return (
    <Section title="Does the model pass its tests?">
      <ul class="receipts">
        {document.tests.map((test) => (
          <li key={test.champion}>
            <Status status={test.verdict} />
            <span class="quiet">{count(test.count, "test")}, {test.author}, {showTime(test.time)}</span>
            {test.champion && <div class="quiet">Champion: <ExperimentLink id={test.champion} withId /></div>}
            {test.problems.length > 0 && <ul class="differences">{test.problems.map((text, at) => <li key={at}>{text}</li>)}</ul>}
          </li>
        ))}
      </ul>
    </Section>
  );
}

function Attempts({ ids }: { ids: string[] }) {
  return (
    <p class="quiet">Attempts: {ids.map((id) => <ExperimentLink key={id} id={id} withId />)}</p>
  );
}
