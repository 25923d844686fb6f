/** Tells why a run failed: its exit code and the end of its log. */

import { addressOf } from "../../address";
import type { ExperimentDocument, TextDocument } from "../../documents/types";
import { stripAnsi } from "../../parts/ansi";
import { Section } from "../../parts/section";
import { Document } from "../../parts/waiting";
import { textOf } from "./experiment_view";

const LAST_LINES = 8;
const ENDS: Record<string, string> = { failed: "Failed", killed: "Killed", interrupted: "Interrupted" };

export function Failure({ document }: { document: ExperimentDocument }) {
  const end = ENDS[textOf(document, "status")];
  if (!end) return null;
  const exit = textOf(document, "exit");
  const tools = document.log && <a href={addressOf("experiment", document.id, { tab: "log" })}>Whole log</a>;
  return (
    <Section title="Why it failed" tools={tools}>
      <p class="bad-text">{end}{exit && ` with exit code ${exit}`}.{document.log ? " The log ends with:" : " This page has no log of it."}</p>
      {document.log && <Document<TextDocument> name={document.log}>{(log) => <pre class="text-preview log-end" tabIndex={0} aria-label="End of the log">{lastLines(log.text)}</pre>}</Document>}
    </Section>
  );
}

function lastLines(text: string): string {
  return stripAnsi(text).trimEnd().split("\n").slice(-LAST_LINES).join("\n");
}
