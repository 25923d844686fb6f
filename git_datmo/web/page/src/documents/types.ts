/** The documents that the server or an export gives to the page, one type a kind of document. */

export type Value = number | string | boolean | null;
export type Num = number | "NaN" | "Infinity" | "-Infinity" | null;
export type Kind = "number" | "text" | "flag" | "mixed";

export interface PlainColumn { name: string; kind: Kind; values: Value[] }
export interface WordColumn { name: string; kind: Kind; words: string[]; index: number[] }
export type Column = PlainColumn | WordColumn;

export interface ColumnInfo {
  name: string;
  section: "params" | "metrics" | "tags" | "environment" | "data";
  kind: Kind;
  block: number;
  present: number;
  goal?: "" | "max" | "min";
}

export interface Running { id: string; pid_alive: boolean; started: number; command: string; metrics: [string, string][] }

export interface ExperimentsDocument {
  version: string;
  made: number;
  repository: { name: string; branch: string; head: string };
  count: number;
  ids: string[];
  facts: Column[];
  columns: ColumnInfo[];
  sparklines: { name: string; document: string }[];
  running: Running[];
}

export interface BlockDocument { columns: Column[] }
export interface SparklinesDocument { name: string; rows: (Num[] | null)[] }

export type NoteType = "hypothesis" | "result" | "decision" | "comment" | "";
export interface Note { id?: string; type: NoteType; text: string; author: string; time: number; answers?: string }

export interface Payload {
  path: string;
  form: "file" | "folder" | "model";
  oid: string;
  size: number;
  files: number;
  listing: string;
  from: string[];
  is_local: boolean;
  remotes: string[];
}

export interface MetricInfo {
  name: string;
  last: Value;
  min: Value;
  max: Value;
  best: Value;
  goal: "" | "max" | "min";
  curve: string;
  points: number;
}

export interface MediaItem { step: number | null; blob: string; suffix: string; size: number }
export interface Media { name: string; kind: "image" | "table" | "text" | "figure" | "audio"; items: MediaItem[] }
export interface Receipt { verdict: string; author: string; time: number; engine: string; differences: string[] }
export interface ModelTest { verdict: string; author: string; time: number; count: number; champion: string; problems: string[] }
export interface RecordedCheck { contract: string; verdict: string; counts: string; first: string; drift: string }
export interface Relative { id: string; path: string; role: string }
export interface Command { does: string; command: string }

export interface ExperimentDocument {
  id: string;
  commit: string;
  facts: Record<string, Value | string[]>;
  annotations: Note[];
  tags: string[];
  command: string;
  folder: string;
  params: { name: string; value: Value; source: string }[];
  metrics: MetricInfo[];
  environment: {
    engine: string;
    id: string;
    python: string;
    lines: [string, string][];
    packages: [string, string, string][];
  };
  machine: [string, Value][];
  resources: [string, Value][];
  inputs: Payload[];
  outputs: Payload[];
  payloads?: Payload[];
  code: { files: string; patch: string; changed: number };
  feedback: string;
  log: string;
  media: Media[];
  receipts: Receipt[];
  tests: ModelTest[];
  checks: RecordedCheck[];
  attempts: string[];
  parents: Relative[];
  children: Relative[];
  commands: Command[];
}

export interface FeedbackDocument {
  snapshot: string;
  first: string;
  last: string;
  batches: number;
  absent: number;
  uncollected: number;
  predictions: number;
  rows: number;
  refusals: number;
  refused: { field: string; rule: string; count: number }[];
  outcomes: number;
  unmatched: number;
  metrics: { field: string; metric: string; production: number; count: number; recorded: Record<string, Value> }[];
  stability: { field: string; side: string; rows: number; index: number; is_large: boolean; contract: string }[];
  recorded: Record<string, Value>;
}

export interface Level { bucket: number; count: number; parts: number }
export interface SeriesInfo { attempt: string; rank: string; points: number; levels: Level[] }
export interface CurveDocument {
  metric: string;
  series: SeriesInfo[];
  steps?: Num[][];
  times?: Num[][];
  values?: Num[][];
}
export interface CurvePart {
  steps?: Num[];
  times?: Num[];
  values?: Num[];
  first_steps?: Num[];
  last_steps?: Num[];
  first_times?: Num[];
  last_times?: Num[];
  lows?: Num[];
  highs?: Num[];
}

export interface ListedFile { path: string; oid: string; size: number; kind: string }
export interface FilesDocument { files: ListedFile[]; shapes?: unknown }
export interface TextDocument { text: string; is_cut?: boolean; size?: number }
export interface TableColumn {
  name: string;
  type: string;
  missing: number | null;
  distinct: number | null;
  min: Value;
  max: Value;
  mean: Value;
  bins: number[];
}
export interface TableDocument { rows: number; columns: TableColumn[]; sample: Value[][]; is_cut: boolean }

export interface Version {
  oid: string;
  size: number;
  new_bytes: number;
  files: number;
  added: number;
  removed: number;
  changed: number;
  time: number;
  author: string;
  subject: string;
  why: string;
  commit: string;
  experiment: string;
  is_output?: boolean;
  used_by: string[];
}
export interface DataDocument { payloads: { path: string; versions: Version[] }[]; stored: number }

export interface StoryEntry {
  experiment: string;
  time: number;
  author: string;
  subject: string;
  why: string;
  notes: Note[];
  tags: string[];
  status: string;
  branch: string;
  parents: string[];
  values: Record<string, Value>;
}
export interface StoryDocument { entries: StoryEntry[] }

export interface HealthDocument {
  remotes: { name: string; url: string; seen: number | null; unshared: string[] }[];
  missing: { experiment: string; path: string; oid: string }[];
  unsigned: string[];
  reproduced: string[];
  differs: string[];
  never_reproduced: string[];
  commands: Command[];
}

export interface ContractField { name: string; type: string; rules: string[]; classification: string; description: string }
export interface ContractVersion {
  version: string;
  commit: string;
  author: string;
  time: number;
  subject: string;
  size: string;
  problem: string;
  changes: { path: string; size: string; reason: string }[];
}
export interface ContractCheck {
  commit: string;
  time: number;
  author: string;
  verdict: string;
  files: number;
  rows: number;
  findings: { level: string; path: string; field: string; message: string; count: number; samples: { row: number; value: string }[] }[];
  drift: { table: string; field: string; index: number; is_large: boolean; since: string }[];
}
export interface Contract {
  file: string;
  name: string;
  version: string;
  status: string;
  paths: string[];
  problem: string;
  tables: { name: string; port: string; description: string; fields: ContractField[] }[];
  versions: ContractVersion[];
  checks: ContractCheck[];
}
export interface ContractPair {
  provider: string;
  consumer: string;
  findings: string[];
  provided: { version: string; commit: string }[];
  required: { version: string; commit: string }[];
  fits: (boolean | null)[][];
}
export interface ContractsDocument { contracts: Contract[]; pairs: ContractPair[] }
