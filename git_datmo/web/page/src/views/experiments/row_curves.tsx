/** Curves of the rows that the table shows, or of those that are chosen. */

import { useEffect, useState } from "preact/hooks";
import { loadExperiment } from "../../documents/experiment_document";
import { findRow, table } from "../../documents/experiments_store";
import type { ExperimentDocument } from "../../documents/types";
import { count, cutTitle, shortId } from "../../format";
import { CompareCurves } from "../compare/compare_curves";
import { titleOf } from "../experiment/experiment_view";
import { chosen, colours, key } from "./table_state";

// More lines than this cannot be told apart.
const MOST = 20;

export function RowCurves({ rows }: { rows: number[] }) {
  const all = chosen.value.length ? chosen.value.map(findRow).filter((row) => row >= 0) : rows;
  const ids = all.slice(0, MOST).map((row) => table.value?.ids[row] ?? "");
  const [documents, setDocuments] = useState<ExperimentDocument[] | null>(null);
  useEffect(() => {
    let isCurrent = true;
    void Promise.allSettled(ids.map(loadExperiment)).then((found) => {
      if (isCurrent) setDocuments(found.flatMap((each) => (each.status === "fulfilled" ? [each.value] : [])));
    });
    return () => void (isCurrent = false);
  }, [ids.join(",")]);
  if (!documents) return <p class="loading" role="status">Loading…</p>;
  return (
    <>
      <p class="quiet small row-curves">{all.length > MOST ? `Curves of the first ${MOST} of ${count(all.length, "row")}.` : `Curves of ${count(all.length, "row")}.`} Choose rows to draw these alone.</p>
      <CompareCurves documents={documents} labelOf={(document) => `${cutTitle(titleOf(document), 40)} ${shortId(document.id)}`} colourOf={(document, place) => colours.value.get(key(document.id)) ?? place} />
    </>
  );
}
