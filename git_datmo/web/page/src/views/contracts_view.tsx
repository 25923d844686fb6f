/** The contracts: fields, versions, which versions fit, checks of data, and drift. */

import { addressOf } from "../address";
import type { Contract, ContractCheck, ContractPair, ContractsDocument, ContractVersion } from "../documents/types";
import { count, shellWord, shortId, showTime } from "../format";
import { CommandLine } from "../parts/command_line";
import { PlainTable } from "../parts/plain_table";
import { Section } from "../parts/section";
import { Status } from "../parts/status";
import { Document } from "../parts/waiting";

export function ContractsView({ file }: { file: string }) {
  return <Document<ContractsDocument> name="contracts">{(document) => (file ? <OneContract document={document} file={file} /> : <AllContracts document={document} />)}</Document>;
}

function AllContracts({ document }: { document: ContractsDocument }) {
  const { contracts, pairs } = document;
  const headings = [{ name: "Contract" }, { name: "Version" }, { name: "Data or model" }, { name: "Fits" }, { name: "Last check" }, { name: "Checked" }];
  const rows = contracts.map((contract) => {
    const own = pairs.filter((pair) => pair.provider === contract.file || pair.consumer === contract.file);
    const broken = own.filter((pair) => pair.findings.length);
    const fit = !own.length ? null : broken.length ? "does not fit" : "fits";
    const last = contract.checks[0];
    return [
      { value: contract.file, show: <ContractLink file={contract.file} /> },
      { value: contract.version || null },
      { value: contract.paths.join(", ") || null },
      { value: fit, show: fit && <Status status={fit} /> },
      { value: last?.verdict ?? null, show: last && <Status status={last.verdict} /> },
      { value: last?.time ?? null, show: last && showTime(last.time) },
    ];
  });
  return (
    <div class="view">
      <div class="view-head"><h1>Contracts</h1><p class="quiet">{count(contracts.length, "contract")}</p></div>
      {contracts.length ? <PlainTable name="Contracts" headings={headings} rows={rows} /> : <p class="notice">There are no contracts. Write one with <code>git datmo contract infer PATH</code>.</p>}
      <CommandLine command="git datmo contract show" label="On the command line" />
    </div>
  );
}

function ContractLink({ file }: { file: string }) {
  return <a href={addressOf("contracts", file)}>{file}</a>;
}

function OneContract({ document, file }: { document: ContractsDocument; file: string }) {
  const contract = document.contracts.find((each) => each.file === file);
  if (!contract) return <p class="notice">No contract {file} is known.</p>;
  const provided = document.pairs.filter((pair) => pair.provider === file);
  const required = document.pairs.filter((pair) => pair.consumer === file);
  return (
    <div class="view">
      <p class="neighbours"><a href="#/contracts">All contracts</a></p>
      <div class="view-head">
        <h1>{contract.name}</h1>
        <p class="quiet">{[contract.version, contract.status, contract.paths.join(", ")].filter(Boolean).join(" · ")}</p>
      </div>
      {contract.problem && <p class="notice bad">{contract.problem}</p>}
      <Fields contract={contract} />
      <Section title="Compatibility">
        {!provided.length && !required.length && <p class="notice">No other contract meets this one.</p>}
        {provided.map((pair) => <Pair key={pair.consumer} pair={pair} other={pair.consumer} does="Required by" />)}
        {required.map((pair) => <Pair key={pair.provider} pair={pair} other={pair.provider} does="Provided by" />)}
      </Section>
      <Section title="Checks">
        {!contract.checks.length && <p class="notice">No check is recorded.</p>}
        <ol class="timeline">{contract.checks.map((check) => <CheckItem key={`${check.commit} ${check.time}`} check={check} />)}</ol>
      </Section>
      <Section title="Versions">
        <ol class="timeline">{contract.versions.map((version) => <VersionItem key={version.commit} version={version} />)}</ol>
      </Section>
      <CommandLine command={`git datmo contract show ${shellWord(contract.file)}`} label="On the command line" />
    </div>
  );
}

function Fields({ contract }: { contract: Contract }) {
  const headings = [{ name: "Field" }, { name: "Type" }, { name: "Rules" }, { name: "Classification" }, { name: "Description" }];
  return (
    <Section title="Fields">
      {contract.tables.map((table) => (
        <div key={`${table.port} ${table.name}`}>
          <h3>{table.port} {table.name}</h3>
          {table.description && <p class="quiet">{table.description}</p>}
          {table.fields.length > 0 && <PlainTable name={`Fields of ${table.name}`} headings={headings} rows={table.fields.map((field) => [{ value: field.name }, { value: field.type }, { value: field.rules.join(", ") || null }, { value: field.classification || null }, { value: field.description || null }])} />}
        </div>
      ))}
    </Section>
  );
}

function Pair({ pair, other, does }: { pair: ContractPair; other: string; does: string }) {
  const headings = [{ name: "Data \\ requirement" }, ...pair.required.map((each) => ({ name: `${each.version} ${shortId(each.commit)}` }))];
  const rows = pair.fits.map((row, place) => {
    const version = pair.provided[place];
    const name = version ? `${version.version} ${shortId(version.commit)}` : "";
    return [{ value: name }, ...row.map((fits) => {
      const word = fits === null ? null : fits ? "fits" : "does not fit";
      return { value: word, show: word && <Status status={word} /> };
    })];
  });
  return (
    <div>
      <div class="payload-head"><h3>{does} <ContractLink file={other} /></h3><Status status={pair.findings.length ? "does not fit" : "fits"} /></div>
      {pair.findings.length > 0 && <ul class="findings">{pair.findings.map((text) => <li key={text}>{text}</li>)}</ul>}
      {rows.length > 0 && <PlainTable name={`Versions that fit, ${pair.provider} and ${pair.consumer}`} note="Rows are versions of the data's contract, columns those of the requirement" headings={headings} rows={rows} isNarrow />}
    </div>
  );
}

/** Words before a finding that does not break the contract. */
const LEVELS: Record<string, string> = { warn: "warning", unchecked: "unchecked" };

function CheckItem({ check }: { check: ContractCheck }) {
  return (
    <li class="entry">
      <div class="entry-when"><time class="figure">{showTime(check.time)}</time><span class="quiet">{check.author}</span></div>
      <div class="entry-body">
        <h3><Status status={check.verdict} /></h3>
        <p class="quiet figures"><span>data of <code>{shortId(check.commit)}</code></span><span>{count(check.files, "file")}</span><span>{count(check.rows, "row")}</span></p>
        {check.findings.map((finding, place) => (
          <details class="disclosure" key={place} open={finding.level === "refuse" && place < 3}>
            <summary>{[LEVELS[finding.level], finding.field, finding.message].filter(Boolean).join(": ")}</summary>
            <p class="small"><code>{finding.path}</code></p>
            {finding.samples.length > 0 && <PlainTable name="Sample rows" isNarrow headings={[{ name: "Row", isNumber: true }, { name: "Value" }]} rows={finding.samples.map((sample) => [{ value: sample.row || null }, { value: sample.value || null }])} />}
          </details>
        ))}
        {check.drift.length > 0 && <Drift check={check} />}
      </div>
    </li>
  );
}

function Drift({ check }: { check: ContractCheck }) {
  const sorted = [...check.drift].sort((one, other) => other.index - one.index);
  const large = sorted.filter((each) => each.is_large).length;
  const headings = [{ name: "Field" }, { name: "Stability index", isNumber: true }, { name: "Change" }];
  return (
    <details class="disclosure" open={large > 0}>
      <summary>{large ? `${count(large, "field")} drifted` : "No field drifted"} since <code>{shortId(sorted[0]?.since ?? "")}</code></summary>
      <PlainTable name="Drift" isNarrow headings={headings} rows={sorted.map((each) => [{ value: each.field }, { value: each.index, show: each.index.toFixed(2) }, { value: each.is_large ? "large" : "none", show: each.is_large ? <Status status="drifted" /> : undefined }])} />
    </details>
  );
}

function VersionItem({ version }: { version: ContractVersion }) {
  return (
    <li class="entry">
      <div class="entry-when"><time class="figure">{showTime(version.time)}</time><span class="quiet">{version.author}</span></div>
      <div class="entry-body">
        <h3>{version.version} {version.size && <span class="quiet">{version.size} change</span>}</h3>
        <p class="small"><code>{shortId(version.commit)}</code> {version.subject}</p>
        {version.problem && <p class="bad-text">{version.problem}</p>}
        {version.changes.length > 0 && <ul class="findings">{version.changes.map((each, place) => <li key={place}>{each.path ? <code>{each.path}</code> : null} {each.reason} <span class="quiet">({each.size})</span></li>)}</ul>}
      </div>
    </li>
  );
}
