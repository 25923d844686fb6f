/** A table of a few hundred rows, which can be saved as CSV. */

import type { ComponentChildren } from "preact";
import { toCsv } from "../format";
import type { Value } from "../documents/types";
import { ExportMenu } from "./export_menu";

export interface Cell { value: Value; show?: ComponentChildren; tone?: string }
export interface Heading { name: string; show?: ComponentChildren; isNumber?: boolean }

interface Props { name: string; headings: Heading[]; rows: Cell[][]; note?: string; isNarrow?: boolean }

export function PlainTable({ name, headings, rows, note, isNarrow = false }: Props) {
  const csv = () => toCsv([headings.map((each) => each.name), ...rows.map((row) => row.map((cell) => cell.value))]);
  return (
    <div class="table-box">
      <div class="table-tools">
        {note && <span class="quiet">{note}</span>}
        <ExportMenu name={name} csv={csv} />
      </div>
      <div class="scroll-x" tabIndex={0} role="group" aria-label={name}>
        <table class={isNarrow ? "plain narrow" : "plain"}>
          <thead>
            <tr>
              {headings.map((heading) => (
                <th key={heading.name} scope="col" class={heading.isNumber ? "number" : ""}>{heading.show ?? heading.name}</th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row, place) => (
              <tr key={place}>
                {row.map((cell, column) => (
                  <td key={column} class={`${headings[column]?.isNumber ? "number" : ""} ${cell.tone ?? ""}`}>
                    {cell.show ?? (cell.value === null ? <span class="quiet">–</span> : String(cell.value))}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}
