/** Notes of people on an experiment: hypotheses, results, decisions and comments, with their answers. */

import type { Note } from "../documents/types";
import { showAge, showTime } from "../format";
import { Markdown } from "./markdown";

export function Thread({ notes }: { notes: Note[] }) {
  if (!notes.length) return null;
  const ids = new Set(notes.map((note) => note.id));
  const roots = notes.filter((note) => !note.answers || !ids.has(note.answers));
  return <ol class="thread">{roots.map((note, place) => <Item key={note.id ?? place} note={note} notes={notes} depth={0} />)}</ol>;
}

// Deeper answers are shown at this depth.
const DEEPEST = 4;

function Item({ note, notes, depth }: { note: Note; notes: Note[]; depth: number }) {
  const answers = note.id ? notes.filter((each) => each.answers === note.id && each !== note) : [];
  return (
    <li class={`note ${note.type || "comment"}`}>
      <p class="note-head">
        <span class="note-type">{note.type || "note"}</span>
        <span>{note.author}</span>
        <time class="quiet figure" title={showAge(note.time)}>{showTime(note.time)}</time>
      </p>
      <Markdown text={note.text} />
      {answers.length > 0 && depth < DEEPEST && (
        <ol class="thread">{answers.map((each, place) => <Item key={each.id ?? place} note={each} notes={notes} depth={depth + 1} />)}</ol>
      )}
    </li>
  );
}
