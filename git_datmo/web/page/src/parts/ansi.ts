/** Splits text with terminal escapes into pieces with classes; every other escape is dropped. */

export interface Piece { text: string; classes: string }

// Escapes for colours are read; other control sequences, titles and single escapes are removed.
const ESCAPE = /\x1b\[([0-9;:]*)m|\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[@-Z\\-_]?|[\x00-\x08\x0b-\x1f\x7f]/g;
const NAMES = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];

interface Style { colour: string; bold: boolean; faint: boolean; underlined: boolean }

export function splitAnsi(line: string): Piece[] {
  const pieces: Piece[] = [];
  let style: Style = plainStyle();
  let start = 0;
  // A line that a progress bar rewrites shows its last state.
  const text = line.replace(/\r+$/, "").split("\r").pop() ?? "";
  for (const found of text.matchAll(ESCAPE)) {
    push(pieces, text.slice(start, found.index), style);
    start = found.index + found[0].length;
    if (found[1] !== undefined) style = change(style, found[1]);
  }
  push(pieces, text.slice(start), style);
  return pieces;
}

export function stripAnsi(text: string): string {
  return text.replace(ESCAPE, "");
}

function push(pieces: Piece[], text: string, style: Style): void {
  if (!text) return;
  const flags = [style.colour && `ansi-${style.colour}`, style.bold && "ansi-bold", style.faint && "ansi-faint", style.underlined && "ansi-underlined"];
  pieces.push({ text, classes: flags.filter(Boolean).join(" ") });
}

function plainStyle(): Style {
  return { colour: "", bold: false, faint: false, underlined: false };
}

function change(style: Style, codes: string): Style {
  let next = { ...style };
  const numbers = codes.split(/[;:]/).map(Number);
  for (let place = 0; place < numbers.length; place += 1) {
    const code = numbers[place] as number;
    if (code === 0) next = plainStyle();
    else if (code === 1) next.bold = true;
    else if (code === 2) next.faint = true;
    else if (code === 4) next.underlined = true;
    else if (code === 22) next.bold = next.faint = false;
    else if (code === 39) next.colour = "";
    else if (code >= 30 && code <= 37) next.colour = NAMES[code - 30] as string;
    else if (code >= 90 && code <= 97) next.colour = NAMES[code - 90] as string;
    // A colour of 256 or of 16 million is skipped with its arguments.
    else if (code === 38 || code === 48) place += numbers[place + 1] === 5 ? 2 : 4;
  }
  return next;
}
