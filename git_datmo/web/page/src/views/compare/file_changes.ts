/** Compares two listings of files by their ids. */

import type { FilesDocument, ListedFile } from "../../documents/types";

export interface FileChange { path: string; left: ListedFile | null; right: ListedFile | null }
export interface Changes { added: FileChange[]; removed: FileChange[]; changed: FileChange[]; same: number }

export function changesOf(left: FilesDocument, right: FilesDocument): Changes {
  const before = new Map(left.files.map((file) => [file.path, file]));
  const after = new Map(right.files.map((file) => [file.path, file]));
  const changes: Changes = { added: [], removed: [], changed: [], same: 0 };
  for (const [path, file] of after) {
    const old = before.get(path) ?? null;
    if (!old) changes.added.push({ path, left: null, right: file });
    else if (old.oid !== file.oid) changes.changed.push({ path, left: old, right: file });
    else changes.same += 1;
  }
  for (const [path, file] of before) if (!after.has(path)) changes.removed.push({ path, left: file, right: null });
  return changes;
}
