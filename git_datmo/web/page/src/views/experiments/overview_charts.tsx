/** Scatter and parallel coordinates over the rows that the table shows. */

import { useEffect } from "preact/hooks";
import { parameter } from "../../address";
import { loadedColumns, requireColumns, table } from "../../documents/experiments_store";
import { chartNames } from "./chart_columns";
import { ParallelChart } from "./parallel_chart";
import { ScatterChart } from "./scatter_chart";

export function OverviewCharts({ rows }: { rows: number[] }) {
  const names = chartNames();
  useEffect(() => void requireColumns(names), [table.value, names.join(",")]);
  loadedColumns.value;
  return (
    <section class="overview panel" aria-label="Chart of the rows that are shown">
      {parameter("chart") === "scatter" ? <ScatterChart rows={rows} /> : <ParallelChart rows={rows} />}
    </section>
  );
}
