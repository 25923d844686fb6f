/** Chooses the column of an axis. */

import { axisNames, labelOf } from "./chart_columns";

interface Props { label: string; value: string; none?: string; onChoose: (name: string) => void }

// A select with thousands of entries opens slowly.
const MOST_LISTED = 400;

export function AxisSelect({ label, value, none, onChoose }: Props) {
  const names = axisNames().slice(0, MOST_LISTED);
  const listed = !value || names.includes(value) ? names : [value, ...names];
  return (
    <label class="field">
      <span>{label}</span>
      <select value={value} onChange={(event) => onChoose(event.currentTarget.value)}>
        {none !== undefined && <option value="">{none}</option>}
        {listed.map((name) => <option key={name} value={name}>{labelOf(name)}</option>)}
      </select>
    </label>
  );
}
