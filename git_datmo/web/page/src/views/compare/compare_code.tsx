/** How the code of two experiments differs: files by their ids, and lines of those that differ. */

import { createTwoFilesPatch } from "diff";
import { useEffect, useState } from "preact/hooks";
import { load } from "../../documents/load";
import type { ExperimentDocument, FilesDocument, ListedFile, TextDocument } from "../../documents/types";
import { count } from "../../format";
import { Patch } from "../../parts/patch";
import { Section } from "../../parts/section";
import { changesOf, type FileChange } from "./file_changes";
import { chosenPair, PairSelect } from "./pair_select";

// Beyond this, a list of names says more than lines.
const MOST_FILES = 30;
const LONGEST = 400_000;

export function CompareCode({ documents }: { documents: ExperimentDocument[] }) {
  const [one, other] = chosenPair(documents);
  const [changes, setChanges] = useState<FileChange[] | null>(null);
  const [patch, setPatch] = useState("");
  const [error, setError] = useState("");
  useEffect(() => {
    let isCurrent = true;
    setChanges(null);
    setError("");
    void compareCode(one, other).then(
      (found) => isCurrent && (setChanges(found.changes), setPatch(found.patch)),
      (problem: Error) => isCurrent && setError(problem.message),
    );
    return () => void (isCurrent = false);
  }, [one, other]);
  return (
    <Section title="Code" note={changes?.length ? count(changes.length, "file differs", "files differ") : ""}>
      <PairSelect documents={documents} />
      {error && <p class="notice">{error}</p>}
      {!error && !changes && <p class="loading" role="status">Loading…</p>}
      {changes?.length === 0 && <p class="quiet">The code is the same.</p>}
      {patch && <Patch text={patch} />}
      {changes && changes.length > MOST_FILES && <p class="quiet">Only the first {MOST_FILES} files are shown.</p>}
    </Section>
  );
}

async function compareCode(one: ExperimentDocument, other: ExperimentDocument) {
  if (!one.code.files || !other.code.files) throw new Error("The code of one of them is not stored here.");
  if (one.code.files === other.code.files) return { changes: [], patch: "" };
  const [left, right] = await Promise.all([one, other].map((each) => load<FilesDocument>(each.code.files)));
  const { added, removed, changed } = changesOf(left as FilesDocument, right as FilesDocument);
  const changes = [...changed, ...added, ...removed];
  const patches = await Promise.all(changes.slice(0, MOST_FILES).map(patchOf));
  return { changes, patch: patches.join("") };
}

async function patchOf({ path, left, right }: FileChange): Promise<string> {
  const [before, after] = await Promise.all([textOf(left), textOf(right)]);
  const header = `diff --git a/${path} b/${path}\n`;
  if (before === null || after === null) return `${header}This file has no text to compare.\n`;
  const body = createTwoFilesPatch(left ? `a/${path}` : "/dev/null", right ? `b/${path}` : "/dev/null", before, after, "", "", { context: 3, timeout: 1000 });
  return header + (body ?? "").replace(/^=+\n/, "");
}

async function textOf(file: ListedFile | null): Promise<string | null> {
  if (!file) return "";
  if (file.kind === "image" || file.kind === "binary" || file.kind === "audio" || file.size > LONGEST) return null;
  return load<TextDocument>(`text/${file.oid}`).then((document) => document.text, () => null);
}
