/** The environment and the machine of the experiment, and its use of resources. */

import type { ExperimentDocument, Value } from "../../documents/types";
import { count, showSeconds, showSize, showValue } from "../../format";
import { PlainTable } from "../../parts/plain_table";
import { Section } from "../../parts/section";

export function EnvironmentTab({ document }: { document: ExperimentDocument }) {
  const { environment } = document;
  const lines: [string, Value][] = [
    ["Engine", environment.engine || null],
    ["Python", environment.python || null],
    ["Id", environment.id || null],
    ...environment.lines,
  ];
  return (
    <div class="columns-two">
      <div>
        <Section title="Packages" note={count(environment.packages.length, "package")}>
          {environment.packages.length > 0 ? (
            <PlainTable name="Packages" headings={[{ name: "Package" }, { name: "Version" }, { name: "From" }]} rows={environment.packages.map(([name, version, source]) => [{ value: name }, { value: version, show: <span class="figure">{version}</span> }, { value: source, show: <span class="quiet">{source}</span> }])} />
          ) : <p class="quiet">No packages are recorded.</p>}
        </Section>
      </div>
      <div>
        <Section title="Environment"><Facts pairs={lines} /></Section>
        {document.machine.length > 0 && <Section title="Machine"><Facts pairs={document.machine} /></Section>}
        {document.resources.length > 0 && <Section title="Resources used"><Facts pairs={document.resources} /></Section>}
      </div>
    </div>
  );
}

/** Returns a value in its unit, which its name tells. */
function showFact(name: string, value: Value): string {
  if (typeof value !== "number") return showValue(value);
  if (/memory|bytes|disk/.test(name)) return showSize(value);
  return /seconds/.test(name) ? showSeconds(value) : showValue(value, 8);
}

function Facts({ pairs }: { pairs: [string, Value][] }) {
  return (
    <dl class="facts">
      {pairs.filter(([, value]) => value !== null && value !== "").map(([name, value], place) => (
        <div key={place} class="fact"><dt>{name.replaceAll("_", " ")}</dt><dd class="figure">{showFact(name, value)}</dd></div>
      ))}
    </dl>
  );
}
