/** Curves, scatter and parallel coordinates of the rows that the table shows. */

import { useEffect } from "preact/hooks";
import { parameter } from "../../address";
import { loadedColumns, requireColumns, table } from "../../documents/experiments_store";
import { chartNames } from "./chart_columns";
import { ParallelChart } from "./parallel_chart";
import { RowCurves } from "./row_curves";
import { ScatterChart } from "./scatter_chart";

function Chart({ rows }: { rows: number[] }) {
  switch (parameter("chart")) {
    case "curves":
      return <RowCurves rows={rows} />;
    case "scatter":
      return <ScatterChart rows={rows} />;
    default:
      return <ParallelChart rows={rows} />;
  }
}

export function OverviewCharts({ rows }: { rows: number[] }) {
  const names = chartNames();
  useEffect(() => void requireColumns(names), [table.value, names.join(",")]);
  loadedColumns.value;
  return (
    <section class="overview panel" aria-label="Chart of the rows that are shown">
      <Chart rows={rows} />
    </section>
  );
}
