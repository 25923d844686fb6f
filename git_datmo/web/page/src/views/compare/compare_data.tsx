/** How the data and models of two experiments differ; identical ones are known by their ids. */

import { useState } from "preact/hooks";
import type { ExperimentDocument, FilesDocument, Payload } from "../../documents/types";
import { count, shortId, showSize } from "../../format";
import { BlobPreview } from "../../parts/blob_preview";
import { suffixOf } from "../../parts/file_listing";
import { Section } from "../../parts/section";
import { Document } from "../../parts/waiting";
import { changesOf, type FileChange } from "./file_changes";
import { ImagePair } from "./image_pair";
import { chosenPair, PairSelect } from "./pair_select";

const MOST_LISTED = 100;
const IMAGE = /^\.(png|jpe?g|gif|webp|bmp|avif)$/;

export function CompareData({ documents }: { documents: ExperimentDocument[] }) {
  const [one, other] = chosenPair(documents);
  const left = payloadsOf(one);
  const right = payloadsOf(other);
  const paths = [...new Set([...left.keys(), ...right.keys()])].sort();
  return (
    <Section title="Data and models">
      <PairSelect documents={documents} />
      {!paths.length && <p class="quiet">They have no data.</p>}
      {paths.map((path) => <PayloadPair key={path} path={path} left={left.get(path)} right={right.get(path)} />)}
    </Section>
  );
}

function payloadsOf(document: ExperimentDocument): Map<string, Payload> {
  return new Map([...document.inputs, ...document.outputs].map((payload) => [payload.path, payload]));
}

function PayloadPair({ path, left, right }: { path: string; left?: Payload; right?: Payload }) {
  const isSame = left !== undefined && left.oid === right?.oid;
  const known = right ?? left;
  return (
    <article class="panel payload">
      <div class="payload-head">
        <h3>{path}</h3>
        <span class={`verdict ${isSame ? "quiet" : "differs"}`}>{isSame ? "identical" : !left ? "only in the second" : !right ? "only in the first" : "differs"}</span>
        {isSame && known && <span class="quiet">{showSize(known.size)} <code>{shortId(known.oid)}</code></span>}
        {!isSame && left && right && <span class="quiet">{showSize(left.size)} <code>{shortId(left.oid)}</code> → {showSize(right.size)} <code>{shortId(right.oid)}</code></span>}
      </div>
      {!isSame && left?.listing && right?.listing && (
        <Document<FilesDocument> name={left.listing}>{(before) => <Document<FilesDocument> name={right.listing}>{(after) => <Changes before={before} after={after} />}</Document>}</Document>
      )}
    </article>
  );
}

function Changes({ before, after }: { before: FilesDocument; after: FilesDocument }) {
  const changes = changesOf(before, after);
  const all: [string, FileChange][] = [
    ...changes.changed.map((each): [string, FileChange] => ["changed", each]),
    ...changes.added.map((each): [string, FileChange] => ["added", each]),
    ...changes.removed.map((each): [string, FileChange] => ["removed", each]),
  ];
  return (
    <>
      <p class="quiet">{changes.added.length} added, {changes.removed.length} removed, {changes.changed.length} changed, {count(changes.same, "identical file")}</p>
      <ul class="changes">{all.slice(0, MOST_LISTED).map(([verb, change]) => <ChangeItem key={change.path} verb={verb} change={change} isOnly={all.length === 1} />)}</ul>
      {all.length > MOST_LISTED && <p class="quiet">and {all.length - MOST_LISTED} more</p>}
    </>
  );
}

function ChangeItem({ verb, change, isOnly }: { verb: string; change: FileChange; isOnly: boolean }) {
  const [isOpen, setOpen] = useState(isOnly);
  const suffix = suffixOf(change.path);
  const { left, right } = change;
  return (
    <li>
      <details open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary><span class={`verb ${verb}`}>{verb}</span><code>{change.path}</code></summary>
        {isOpen && (left && right && IMAGE.test(suffix) ? <ImagePair left={left.oid} right={right.oid} suffix={suffix} label={change.path} /> : (
          <div class="side-by-side">
            {[left, right].map((file, place) => file && <div key={place}><p class="quiet">{place ? "Second" : "First"}, {showSize(file.size)}</p><BlobPreview blob={file.oid} suffix={suffix} kind={file.kind} label={change.path} /></div>)}
          </div>
        ))}
      </details>
    </li>
  );
}
