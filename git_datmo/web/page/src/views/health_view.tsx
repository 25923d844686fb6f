/** Experiments and payloads that need care: not shared, missing, unsigned, or never reproduced. */

import { useState } from "preact/hooks";
import type { HealthDocument } from "../documents/types";
import { count, shortId, showAge, showTime } from "../format";
import { CommandLine } from "../parts/command_line";
import { ExperimentLink } from "../parts/experiment_link";
import { PlainTable } from "../parts/plain_table";
import { Section } from "../parts/section";
import { Document } from "../parts/waiting";

export function HealthView() {
  return <Document<HealthDocument> name="health">{(health) => <Health health={health} />}</Document>;
}

function Health({ health }: { health: HealthDocument }) {
  return (
    <div class="view">
      <div class="view-head"><h1>Health</h1></div>
      <dl class="tiles">
        <Tile label="Not shared" number={Math.max(0, ...health.remotes.map((remote) => remote.unshared.length))} isBad />
        <Tile label="Missing" number={health.missing.length} isBad />
        <Tile label="Reproduced" number={health.reproduced.length} />
        <Tile label="Differs" number={health.differs.length} isBad />
        <Tile label="Never reproduced" number={health.never_reproduced.length} />
        <Tile label="Unsigned" number={health.unsigned.length} />
      </dl>
      <Section title="Remotes">
        {!health.remotes.length && <p class="notice">There is no remote: these experiments are on this machine only.</p>}
        {health.remotes.map((remote) => (
          <article class="panel" key={remote.url}>
            <div class="payload-head"><h3>{remote.name}</h3><code class="quiet">{remote.url}</code><span class="quiet">{remote.seen === null ? "as last fetched" : <>as asked <time class="figure" title={showAge(remote.seen)}>{showTime(remote.seen)}</time></>}</span></div>
            {remote.unshared.length ? <IdList label={`${count(remote.unshared.length, "experiment is", "experiments are")} not there`} ids={remote.unshared} isOpen={remote.unshared.length < 6} /> : <p class="good-text">Everything is there.</p>}
          </article>
        ))}
      </Section>
      {health.missing.length > 0 && (
        <Section title="Missing data" note="Neither here nor on a remote that is known">
          <PlainTable name="Missing data" headings={[{ name: "Path" }, { name: "Content" }, { name: "Experiment" }]} rows={health.missing.slice(0, 500).map((each) => [{ value: each.path }, { value: each.oid, show: <code>{shortId(each.oid)}</code> }, { value: each.experiment, show: <ExperimentLink id={each.experiment} /> }])} />
        </Section>
      )}
      <Section title="Reproduction">
        <IdList label={`${count(health.differs.length, "experiment")} differed when reproduced`} ids={health.differs} isOpen={health.differs.length > 0 && health.differs.length < 10} />
        <IdList label={`${count(health.reproduced.length, "experiment")} reproduced`} ids={health.reproduced} />
        <IdList label={`${count(health.never_reproduced.length, "experiment")} never reproduced`} ids={health.never_reproduced} />
      </Section>
      <Section title="Signatures"><IdList label={`${count(health.unsigned.length, "snapshot")} without a signature`} ids={health.unsigned} /></Section>
      {health.commands.map((each) => <CommandLine key={each.command} command={each.command} label={each.does} />)}
    </div>
  );
}

function Tile({ label, number, isBad = false }: { label: string; number: number; isBad?: boolean }) {
  return <div class={`tile ${isBad && number ? "bad" : ""}`}><dt>{label}</dt><dd class="figure">{number.toLocaleString("en-US")}</dd></div>;
}

const FIRST_LISTED = 30;
const MOST_LISTED = 1_000;

function IdList({ label, ids, isOpen = false }: { label: string; ids: string[]; isOpen?: boolean }) {
  const [open, setOpen] = useState(isOpen);
  const [most, setMost] = useState(FIRST_LISTED);
  if (!ids.length) return <p class="quiet">{label}</p>;
  return (
    <details class="disclosure" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{label}</summary>
      {open && <ul class="links">{ids.slice(0, most).map((id) => <li key={id}><ExperimentLink id={id} withId /></li>)}</ul>}
      {open && ids.length > most && most < MOST_LISTED && <button type="button" class="button small" onClick={() => setMost(MOST_LISTED)}>Show {Math.min(ids.length, MOST_LISTED) - most} more</button>}
      {open && ids.length > most && most === MOST_LISTED && <p class="quiet">and {ids.length - MOST_LISTED} more</p>}
    </details>
  );
}
