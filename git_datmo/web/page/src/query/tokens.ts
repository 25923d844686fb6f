/** Splits conditions into words, texts in quotes, operators and marks (as `git_datmo/query/tokens.py`). */

export class UsageError extends Error {}

export interface Token { kind: "operator" | "mark" | "quoted" | "word"; text: string; start: number }

// Longer operators come first, since the alternatives are tried from left to right.
const TOKEN = /\s*(?:(<=|>=|==|!=|!~|[<>=~])|([()[\],])|('(?:[^'\\]|\\[^])*'|"(?:[^"\\]|\\[^])*")|([^\s()[\],'"<>=!~]+))/uy;
const KINDS = ["operator", "mark", "quoted", "word"] as const;
const SHOWN = 60;

function splitTokens(text: string): Token[] {
  const tokens: Token[] = [];
  const end = text.trimEnd().length;
  let position = 0;
  while (position < end) {
    TOKEN.lastIndex = position;
    const found = TOKEN.exec(text);
    if (!found) throw unreadable(text.slice(position).trim());
    const group = found.slice(1).findIndex((part) => part !== undefined);
    const kind = KINDS[group] as Token["kind"];
    const raw = found[group + 1] as string;
    const value = kind === "quoted" ? raw.slice(1, -1).replace(/\\([^])/gu, "$1") : raw;
    position = TOKEN.lastIndex;
    tokens.push({ kind, text: value, start: position - raw.length });
  }
  return tokens;
}

function unreadable(rest: string): UsageError {
  const problem = /^['"]/.test(rest) ? "a quote is not closed" : "invalid character";
  return new UsageError(`${problem} at '${rest.slice(0, SHOWN)}'`);
}

/** Tokens of a text, taken from left to right. */
export class Tokens {
  private readonly tokens: Token[];
  private index = 0;

  constructor(private readonly text: string) {
    this.tokens = splitTokens(text);
  }

  get peek(): Token | null {
    return this.tokens[this.index] ?? null;
  }

  /** Takes the next token if it is this word, in any case. */
  takeWord(word: string): boolean {
    const found = this.peek?.kind === "word" && this.peek.text.toLowerCase() === word;
    if (found) this.index += 1;
    return found;
  }

  takeMark(mark: string): boolean {
    const found = this.peek?.kind === "mark" && this.peek.text === mark;
    if (found) this.index += 1;
    return found;
  }

  /** Takes the next token if it is an operator; returns it, or "". */
  takeOperator(): string {
    const token = this.peek;
    if (token?.kind !== "operator") return "";
    this.index += 1;
    return token.text;
  }

  takeValue(): Token {
    return this.take(this.peek?.kind === "quoted" ? "quoted" : "word", "a value");
  }

  take(kind: Token["kind"], expected: string): Token {
    const token = this.peek;
    if (token?.kind !== kind) throw this.error(expected);
    this.index += 1;
    return token;
  }

  requireMark(mark: string): void {
    if (!this.takeMark(mark)) throw this.error(`'${mark}'`);
  }

  /** Returns the error for a text in which something else follows. */
  error(expected: string): UsageError {
    const token = this.peek;
    if (!token) return new UsageError(`'${this.text.slice(-SHOWN)}' ends, and ${expected} is missing`);
    const rest = this.text.slice(token.start);
    return new UsageError(`${expected} is expected before '${rest.slice(0, SHOWN)}'`);
  }
}
