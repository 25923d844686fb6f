/** Lists the files of a folder, and shows the one that a person chooses. */

import { useState } from "preact/hooks";
import type { FilesDocument, ListedFile } from "../documents/types";
import { count, showSize } from "../format";
import { BlobPreview } from "./blob_preview";
import { Document } from "./waiting";

const MOST_LISTED = 200;

export function FileListing({ name, label }: { name: string; label: string }) {
  return <Document<FilesDocument> name={name}>{(document) => <Listing files={document.files} label={label} />}</Document>;
}

function Listing({ files, label }: { files: ListedFile[]; label: string }) {
  const [chosen, setChosen] = useState<ListedFile | null>(files.length === 1 ? (files[0] as ListedFile) : null);
  const [text, setText] = useState("");
  const found = files.filter((file) => file.path.toLowerCase().includes(text.toLowerCase()));
  return (
    <div class="listing">
      <div class="listing-files">
        {files.length > 12 && (
          <label class="input search"><span class="visually-hidden">Search files of {label}</span><input type="search" placeholder={`Search ${count(files.length, "file")}`} value={text} onInput={(event) => setText(event.currentTarget.value)} /></label>
        )}
        <ul tabIndex={0} aria-label={`Files of ${label}`}>
          {found.slice(0, MOST_LISTED).map((file) => (
            <li key={file.path}>
              <button type="button" aria-pressed={chosen === file} onClick={() => setChosen(file)}><span class="cut">{file.path}</span><span class="quiet figure">{showSize(file.size)}</span></button>
            </li>
          ))}
        </ul>
        {found.length > MOST_LISTED && <p class="quiet">and {count(found.length - MOST_LISTED, "more file")}; search for them</p>}
      </div>
      <div class="listing-preview">
        {chosen ? <BlobPreview key={chosen.oid} blob={chosen.oid} suffix={suffixOf(chosen.path)} kind={chosen.kind} label={chosen.path} /> : <p class="quiet">Choose a file to look into it.</p>}
      </div>
    </div>
  );
}

export function suffixOf(path: string): string {
  return /\.[A-Za-z0-9]{1,8}$/.exec(path)?.[0].toLowerCase() ?? "";
}
