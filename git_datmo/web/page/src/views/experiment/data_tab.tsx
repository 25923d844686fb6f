/** Data and models that a run read and wrote, with their files. */

import type { ExperimentDocument, Payload } from "../../documents/types";
import { count, shellWord, shortId, showSize } from "../../format";
import { useState } from "preact/hooks";
import { addressOf } from "../../address";
import { CommandLine } from "../../parts/command_line";
import { ExperimentLink } from "../../parts/experiment_link";
import { isLive } from "../../documents/load";
import { FetchButton } from "../../parts/fetch_button";
import { FileListing } from "../../parts/file_listing";
import { Section } from "../../parts/section";

export function DataTab({ document }: { document: ExperimentDocument }) {
  const named = new Set([...document.inputs, ...document.outputs].map((each) => each.path));
  const others = (document.payloads ?? []).filter((each) => !named.has(each.path));
  return (
    <>
      {document.inputs.length > 0 && <Section title="Read">{document.inputs.map((each) => <PayloadCard key={each.path} payload={each} id={document.id} />)}</Section>}
      {document.outputs.length > 0 && <Section title="Written">{document.outputs.map((each) => <PayloadCard key={each.path} payload={each} id={document.id} />)}</Section>}
      {others.length > 0 && <Section title="Also tracked">{others.map((each) => <PayloadCard key={each.path} payload={each} id={document.id} isClosed />)}</Section>}
    </>
  );
}

function PayloadCard({ payload, id, isClosed = false }: { payload: Payload; id: string; isClosed?: boolean }) {
  return (
    <article class="panel payload">
      <div class="payload-head">
        <h3><a href={addressOf("data", payload.path)}>{payload.path}</a></h3>
        <span class="quiet">{payload.form}, {showSize(payload.size)}{payload.form !== "file" && `, ${count(payload.files, "file")}`}</span>
        <code class="quiet">{shortId(payload.oid)}</code>
      </div>
      {payload.from.length > 0 && <p class="quiet">Written by {payload.from.slice(0, 5).map((each) => <ExperimentLink key={each} id={each} />)}</p>}
      <Availability payload={payload} />
      <CommandLine command={`git datmo checkout ${id.slice(0, 12)} -- ${shellWord(payload.path)}`} label="Bring it here" />
      {payload.listing && (isLive || payload.is_local ? <Files payload={payload} isClosed={isClosed} /> : <p class="quiet">The page has no files of this version.</p>)}
    </article>
  );
}

/** Bytes of a single file that is shown without a click. */
const SMALL = 1 << 20;

function Files({ payload, isClosed }: { payload: Payload; isClosed: boolean }) {
  const [open, setOpen] = useState(!isClosed && payload.files === 1 && payload.size < SMALL);
  return (
    <details class="disclosure" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Files</summary>
      {open && <FileListing name={payload.listing} label={payload.path} />}
    </details>
  );
}

function Availability({ payload }: { payload: Payload }) {
  // People read an export on other machines.
  const here = isLive ? "on this machine" : "in the clone that made this page";
  if (payload.is_local) return <p class="quiet">Stored {here}{payload.remotes.length > 0 && ` and on ${payload.remotes.join(", ")}`}.</p>;
  const where = payload.remotes.length ? `on ${payload.remotes.join(", ")}` : "on no remote that is known";
  return (
    <p>
      <span class="quiet">Not {here}; {where}. </span>
      {payload.remotes.length > 0 && <FetchButton content={payload.oid} size={payload.size} />}
    </p>
  );
}
