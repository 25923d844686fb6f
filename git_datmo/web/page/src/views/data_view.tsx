/** The versions of each payload over time: who changed it and why, and which experiments used it. */

import { addressOf } from "../address";
import type { DataDocument, Version } from "../documents/types";
import { count, shellWord, shortId, showSize, showTime } from "../format";
import { CommandLine } from "../parts/command_line";
import { ExperimentLink } from "../parts/experiment_link";
import { PlainTable } from "../parts/plain_table";
import { Section } from "../parts/section";
import { Document } from "../parts/waiting";

export function DataView({ path }: { path: string }) {
  return <Document<DataDocument> name="data">{(document) => (path ? <OnePayload document={document} path={path} /> : <AllPayloads document={document} />)}</Document>;
}

function AllPayloads({ document }: { document: DataDocument }) {
  const { payloads } = document;
  const headings = [{ name: "Path" }, { name: "Versions", isNumber: true }, { name: "Size now", isNumber: true }, { name: "Stored", isNumber: true }, { name: "Files", isNumber: true }, { name: "Last changed" }, { name: "By" }];
  const rows = payloads.map(({ path, versions }) => {
    const last = newest(versions);
    const stored = versions.reduce((sum, version) => sum + version.new_bytes, 0);
    return [
      { value: path, show: <a href={addressOf("data", path)}>{path}</a> },
      { value: versions.length },
      { value: last?.size ?? null, show: last && showSize(last.size) },
      { value: stored, show: showSize(stored) },
      { value: last?.files ?? null },
      { value: last?.time ?? null, show: last && <time class="figure nowrap">{showTime(last.time)}</time> },
      { value: last?.author ?? null },
    ];
  });
  return (
    <div class="view">
      <div class="view-head">
        <h1>Data</h1>
        <p class="quiet">{count(payloads.length, "path")}, {showSize(document.stored)} stored, with shared parts of versions counted once</p>
      </div>
      {payloads.length ? <PlainTable name="Data" headings={headings} rows={rows} /> : <p class="notice">No data are tracked. Add some with <code>git datmo add-data PATH</code>.</p>}
      <CommandLine command="git datmo du" label="On the command line" />
    </div>
  );
}

function newest(versions: Version[]): Version | undefined {
  return versions.reduce<Version | undefined>((best, version) => (!best || version.time > best.time ? version : best), undefined);
}

function OnePayload({ document, path }: { document: DataDocument; path: string }) {
  const payload = document.payloads.find((each) => each.path === path);
  if (!payload) return <p class="notice">No version of {path} is known.</p>;
  const versions = [...payload.versions].sort((one, other) => other.time - one.time);
  return (
    <div class="view">
      <p class="neighbours"><a href="#/data">All data</a></p>
      <div class="view-head"><h1>{path}</h1><p class="quiet">{count(versions.length, "version")}</p></div>
      <Section title="Versions">
        <ol class="timeline">{versions.map((version) => <VersionItem key={version.oid + version.time} version={version} />)}</ol>
      </Section>
      <CommandLine command={`git datmo log --all --columns ${shellWord(`id,created,author,data["${path}"]`)}`} label="On the command line" />
    </div>
  );
}

function VersionItem({ version }: { version: Version }) {
  const changes = [version.added && `${version.added} added`, version.removed && `${version.removed} removed`, version.changed && `${version.changed} changed`].filter(Boolean);
  return (
    <li class="entry">
      <div class="entry-when"><time class="figure">{showTime(version.time)}</time><span class="quiet">{version.author}</span></div>
      <div class="entry-body">
        <h3>{version.subject || shortId(version.oid)}</h3>
        {version.why && <p class="why">{version.why}</p>}
        <p class="quiet figures">
          <code>{shortId(version.oid)}</code>
          <span>{showSize(version.size)}, {count(version.files, "file")}</span>
          <span>{showSize(version.new_bytes)} new</span>
          {changes.length > 0 && <span>{changes.join(", ")}</span>}
        </p>
        {version.experiment && <p class="small">First in <ExperimentLink id={version.experiment} /></p>}
        {version.used_by.length > 0 && (
          <details class="disclosure"><summary>Used by {count(version.used_by.length, "experiment")}</summary><ul class="links">{version.used_by.slice(0, 200).map((id) => <li key={id}><ExperimentLink id={id} withId /></li>)}</ul></details>
        )}
      </div>
    </li>
  );
}
