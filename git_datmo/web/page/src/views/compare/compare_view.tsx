/** Compares experiments: parameters first, then results, curves, media, code, data and environment. */

import { useEffect, useState } from "preact/hooks";
import { addressOf, parameter } from "../../address";
import { loadExperiment } from "../../documents/experiment_document";
import { factText, findRow, table } from "../../documents/experiments_store";
import { MOST_CHOSEN } from "../experiments/table_state";
import type { ExperimentDocument } from "../../documents/types";
import { count, cutTitle, shortId } from "../../format";
import { CommandLine } from "../../parts/command_line";
import { Icon } from "../../parts/icon";
import { seriesColour } from "../../theme";
import { textOf, titleOf } from "../experiment/experiment_view";
import { CompareCode } from "./compare_code";
import { CompareCurves } from "./compare_curves";
import { CompareData } from "./compare_data";
import { CompareMedia } from "./compare_media";
import { CompareValues, CompareEnvironment } from "./compare_values";

const PARTS: [string, string][] = [
  ["", "Parameters and results"],
  ["curves", "Curves"],
  ["media", "Media"],
  ["code", "Code"],
  ["data", "Data"],
  ["environment", "Environment"],
];
export function CompareView({ ids }: { ids: string[] }) {
  const full = ids.map((id) => table.value?.ids[findRow(id)] ?? id).filter((id) => /^[0-9a-f]{16,64}$/.test(id)).slice(0, MOST_CHOSEN);
  const [documents, setDocuments] = useState<ExperimentDocument[]>([]);
  const [error, setError] = useState("");
  useEffect(() => {
    let isCurrent = true;
    setError("");
    Promise.all(full.map(loadExperiment)).then(
      (found) => isCurrent && setDocuments(found),
      (problem: Error) => isCurrent && setError(problem.message),
    );
    return () => void (isCurrent = false);
  }, [full.join(",")]);
  if (error) return <p class="notice">{error}</p>;
  if (!full.length) return <p class="notice">Choose two or more experiments in the <a href="#/experiments">table</a> to compare them.</p>;
  if (documents.length !== full.length) return <p class="loading" role="status">Loading…</p>;
  return <Compared documents={documents} />;
}

/** Says which of code, data and environment differ, and leads to them. */
function Differences({ ids }: { ids: string[] }) {
  const rows = ids.map(findRow);
  if (rows.length < 2 || rows.includes(-1)) return null;
  const facts = ["code", "data", "environment"];
  const differing = facts.filter((name) => new Set(rows.map((row) => factText(name, row))).size > 1);
  const others = facts.filter((name) => !differing.includes(name));
  return (
    <p class="parts-differ">
      {differing.map((part) => <a key={part} href={addressOf("compare", ids.join(","), { part })}>Different {part}</a>)}
      {others.length > 0 && <span class="quiet">Same {others.join(" and ")}</span>}
    </p>
  );
}

function Compared({ documents }: { documents: ExperimentDocument[] }) {
  const part = parameter("part");
  const all = documents.map((document) => document.id);
  return (
    <div class={documents.length > 4 ? "view wide" : "view"}>
      <p class="neighbours"><a href="#/experiments">All experiments</a></p>
      <div class="view-head"><h1>Compare {count(documents.length, "experiment")}</h1></div>
      <ul class="compared">
        {documents.map((document, place) => (
          <li key={document.id}>
            <span class="legend-dot" style={{ background: seriesColour(place) }} />
            <span class="quiet figure">{place + 1}.</span>
            <a href={addressOf("experiment", document.id)} title={titleOf(document)}>{cutTitle(titleOf(document))}</a>
            <code class="quiet">{shortId(document.id)}</code>
            <span class="quiet">{textOf(document, "author")}</span>
            {all.length > 1 && <a class="icon-button tiny" aria-label={`Leave ${titleOf(document)} out`} href={addressOf("compare", all.filter((id) => id !== document.id).join(","), { part })}><Icon name="close" /></a>}
          </li>
        ))}
      </ul>
      <Differences ids={all} />
      <nav class="tabs" aria-label="Parts of the comparison">
        {PARTS.map(([name, label]) => <a key={name} href={addressOf("compare", all.join(","), { part: name })} aria-current={name === part ? "page" : undefined}>{label}</a>)}
      </nav>
      <Part name={part} documents={documents} />
      <CommandLine command={`git datmo compare ${part === "curves" ? "--curves " : ""}${all.map(shortId).join(" ")}`} label="On the command line" />
    </div>
  );
}

function Part({ name, documents }: { name: string; documents: ExperimentDocument[] }) {
  switch (name) {
    case "curves":
      return <CompareCurves documents={documents} />;
    case "media":
      return <CompareMedia documents={documents} />;
    case "code":
      return <CompareCode documents={documents} />;
    case "data":
      return <CompareData documents={documents} />;
    case "environment":
      return <CompareEnvironment documents={documents} />;
    default:
      return <CompareValues documents={documents} />;
  }
}
