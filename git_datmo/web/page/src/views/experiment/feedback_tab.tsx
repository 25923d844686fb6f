/** The model of an experiment in production: metrics beside recorded ones, refusals, and stability. */

import type { FeedbackDocument } from "../../documents/types";
import { count, showValue } from "../../format";
import { CommandLine } from "../../parts/command_line";
import { PlainTable } from "../../parts/plain_table";
import { Section } from "../../parts/section";
import { Document } from "../../parts/waiting";

export function FeedbackTab({ name }: { name: string }) {
  return <Document<FeedbackDocument> name={name}>{(feedback) => <Feedback feedback={feedback} />}</Document>;
}

function Feedback({ feedback }: { feedback: FeedbackDocument }) {
  return (
    <>
      <dl class="tiles">
        <Tile label="Predictions" number={feedback.predictions} />
        <Tile label="Refusals" number={feedback.refusals} />
        <Tile label="Outcomes" number={feedback.outcomes} />
        <Tile label="Batches" number={feedback.batches} />
      </dl>
      <div class="feedback-notes">
        {feedback.first && <p class="quiet">Events from {feedback.first.slice(0, 16).replace("T", " ")} to {feedback.last.slice(0, 16).replace("T", " ")} UTC</p>}
        {feedback.absent > 0 && <p class="quiet" role="status">The events of {count(feedback.absent, "batch", "batches")} are not here, and not counted.</p>}
        {feedback.uncollected > 0 && (
          <p class="quiet" role="status">{count(feedback.uncollected, "event")} of the server's log not collected yet. A push shares collected ones alone.</p>
        )}
      </div>
      {feedback.metrics.length > 0 && <Section title="Metrics in production"><Metrics feedback={feedback} /></Section>}
      {feedback.refused.length > 0 && <Section title="Refused requests"><Refused feedback={feedback} /></Section>}
      {feedback.stability.length > 0 && <Section title="Values beside the recorded data" note="Population stability index: moderate from 0.1, large from 0.25"><Stability feedback={feedback} /></Section>}
      {feedback.uncollected > 0 && <CommandLine command="git datmo feedback collect" label="Collect them for the next push" />}
      <CommandLine command="git datmo feedback status" label="The same in the terminal" />
    </>
  );
}

function Tile({ label, number }: { label: string; number: number }) {
  return <div class="tile"><dt>{label}</dt><dd class="figure">{number.toLocaleString("en-US")}</dd></div>;
}

function Metrics({ feedback }: { feedback: FeedbackDocument }) {
  const headings = [{ name: "Field" }, { name: "Metric" }, { name: "Production", isNumber: true }, { name: "Outcomes", isNumber: true }, { name: "Recorded" }];
  const rows = feedback.metrics.map((each) => {
    const recorded = Object.entries(each.recorded).map(([name, value]) => `${name} ${showValue(value)}`).join(", ");
    return [{ value: each.field }, { value: each.metric }, { value: each.production, show: <strong>{showValue(each.production)}</strong> }, { value: each.count }, { value: recorded || null }];
  });
  return <PlainTable name="Metrics in production" headings={headings} rows={rows} />;
}

function Refused({ feedback }: { feedback: FeedbackDocument }) {
  const rows = [...feedback.refused].sort((one, other) => other.count - one.count).map((each) => [{ value: each.field || "request" }, { value: each.rule }, { value: each.count }]);
  return <PlainTable name="Refused requests" headings={[{ name: "Field" }, { name: "Rule" }, { name: "Requests", isNumber: true }]} rows={rows} />;
}

function Stability({ feedback }: { feedback: FeedbackDocument }) {
  const headings = [{ name: "Field" }, { name: "Side" }, { name: "PSI", isNumber: true }, { name: "Rows", isNumber: true }, { name: "Change" }, { name: "Contract" }];
  const rows = feedback.stability.map((each) => [{ value: each.field }, { value: each.side }, { value: each.index, show: each.index.toFixed(2) }, { value: each.rows }, { value: each.is_large ? "large" : null }, { value: each.contract }]);
  return <PlainTable name="Stability" headings={headings} rows={rows} />;
}
