/** Shows a patch, one file a block, with added and removed lines told apart by sign and colour. */

interface FilePatch { name: string; lines: string[] }

const MOST_LINES = 4_000;

export function Patch({ text }: { text: string }) {
  const files = splitPatch(text);
  if (!files.length) return <p class="quiet">Nothing differs.</p>;
  return <>{files.map((file, place) => <FileBlock key={place} file={file} isOpen={place < 20} />)}</>;
}

function FileBlock({ file, isOpen }: { file: FilePatch; isOpen: boolean }) {
  const added = file.lines.filter((line) => line.startsWith("+") && !line.startsWith("+++")).length;
  const removed = file.lines.filter((line) => line.startsWith("-") && !line.startsWith("---")).length;
  return (
    <details class="patch" open={isOpen}>
      <summary><code>{file.name}</code><span class="good-text">+{added}</span> <span class="bad-text">−{removed}</span></summary>
      <pre tabIndex={0} aria-label={`Differences of ${file.name}`}>
        {file.lines.slice(0, MOST_LINES).map((line, place) => <span key={place} class={`line ${toneOf(line)}`}>{line || " "}{"\n"}</span>)}
      </pre>
      {file.lines.length > MOST_LINES && <p class="quiet">Only the first {MOST_LINES} lines are shown.</p>}
    </details>
  );
}

function splitPatch(text: string): FilePatch[] {
  const files: FilePatch[] = [];
  for (const line of text.replace(/\n$/, "").split("\n")) {
    const header = /^diff --git a\/(.*?) b\/(.*)$/.exec(line);
    if (header) files.push({ name: header[2] as string, lines: [] });
    else if (!files.length && line) files.push({ name: "patch", lines: [line] });
    else files[files.length - 1]?.lines.push(line);
  }
  return files;
}

function toneOf(line: string): string {
  if (line.startsWith("@@")) return "hunk";
  if (/^(\+\+\+|---|index |new file|deleted file|similarity|rename )/.test(line)) return "meta";
  if (line.startsWith("+")) return "added";
  return line.startsWith("-") ? "removed" : "";
}
