/** The log of the run, with its colours and a search. */

import { useMemo, useState } from "preact/hooks";
import { splitAnsi, stripAnsi } from "../../parts/ansi";
import { Icon } from "../../parts/icon";
import { saveText } from "../../parts/save_file";
import { Document } from "../../parts/waiting";
import type { TextDocument } from "../../documents/types";
import { count, showSize } from "../../format";

// Lines that are in the document at once; a search looks at all.
const MOST_LINES = 2_000;

export function LogTab({ name }: { name: string }) {
  return <Document<TextDocument> name={name}>{(document) => <Log document={document} />}</Document>;
}

function Log({ document }: { document: TextDocument }) {
  const [text, setText] = useState("");
  const lines = useMemo(() => document.text.replace(/\n$/, "").split("\n"), [document]);
  const plain = useMemo(() => lines.map((line) => stripAnsi(line).toLowerCase()), [lines]);
  const wanted = text.toLowerCase();
  const found = lines.map((_, place) => place).filter((place) => !wanted || (plain[place] as string).includes(wanted));
  const shown = found.slice(-MOST_LINES);
  return (
    <section class="section" aria-label="Log">
      <div class="toolbar">
        <label class="input search">
          <Icon name="search" />
          <span class="visually-hidden">Search the log</span>
          <input type="search" placeholder="Search the log" value={text} onInput={(event) => setText(event.currentTarget.value)} />
        </label>
        <span class="quiet" role="status">{wanted ? `${found.length} of ${count(lines.length, "line")}` : count(lines.length, "line")}{document.is_cut && `, the log is cut${document.size ? ` (${showSize(document.size)} in all)` : ""}`}</span>
        <span class="grow" />
        <button type="button" class="button" onClick={() => saveText("log.txt", stripAnsi(document.text), "text/plain")}>Save</button>
      </div>
      {found.length > shown.length && <p class="quiet">The last {MOST_LINES.toLocaleString("en-US")} lines are shown.</p>}
      <pre class="log" tabIndex={0} aria-label="Lines of the log">
        {shown.map((place) => <Line key={place} number={place + 1} text={lines[place] as string} wanted={wanted} />)}
      </pre>
    </section>
  );
}

function Line({ number, text, wanted }: { number: number; text: string; wanted: string }) {
  return (
    <span class="log-line">
      <span class="log-number" aria-hidden="true">{number}</span>
      <span>{splitAnsi(text).map((piece, place) => <span key={place} class={piece.classes}>{marked(piece.text, wanted)}</span>)}{"\n"}</span>
    </span>
  );
}

/** Marks the matches of the search within a piece of one colour. */
function marked(text: string, wanted: string) {
  if (!wanted) return text;
  const at = text.toLowerCase().indexOf(wanted);
  if (at < 0) return text;
  return <>{text.slice(0, at)}<mark>{text.slice(at, at + wanted.length)}</mark>{text.slice(at + wanted.length)}</>;
}
