/** Completes short names of values (as `git_datmo/query/names.py`), and maps them to columns of the table. */

import { UsageError } from "./tokens";

/** The built-in names of the filter language, and the facts that hold their values. */
export const BUILT_IN: Record<string, string> = {
  id: "id",
  commit: "commit",
  created: "time",
  author: "author",
  email: "mail",
  message: "message",
  why: "why",
  command: "command",
  status: "status",
  tags: "tags",
  exit_code: "exit",
  seconds: "seconds",
  engine: "engine",
  clean: "clean",
  tree: "tree",
  code: "code",
  environment: "environment",
};
const SHORT = ["metrics.", "params."];

/** Returns the full name for `name`; throws `UsageError` if there is none, or two. */
export function findName(name: string, known: { has: (name: string) => boolean }): string {
  if (Object.hasOwn(BUILT_IN, name) || known.has(name)) return name;
  const full = SHORT.map((prefix) => prefix + name).filter((each) => known.has(each));
  if (full.length === 1) return full[0] as string;
  if (full.length) throw new UsageError(`'${name}' is a metric and a parameter: write ${full.join(" or ")}`);
  throw new UsageError(`no experiment has a value '${name.slice(0, 100)}'`);
}

/** Returns a name without its section, for headings. */
export function shortName(name: string): string {
  return name.replace(/^(metrics|params|data|environment|tags)\./, "");
}
