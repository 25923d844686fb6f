/** Loads the document of an experiment. That of a run in progress has only a part of it. */

import { keyOf } from "./experiments_store";
import { load } from "./load";
import type { ExperimentDocument } from "./types";

const EMPTY: Omit<ExperimentDocument, "id"> = {
  commit: "",
  facts: {},
  annotations: [],
  tags: [],
  command: "",
  folder: "",
  params: [],
  metrics: [],
  environment: { engine: "", id: "", python: "", lines: [], packages: [] },
  machine: [],
  resources: [],
  inputs: [],
  outputs: [],
  code: { files: "", patch: "", changed: 0 },
  feedback: "",
  log: "",
  media: [],
  receipts: [],
  tests: [],
  checks: [],
  attempts: [],
  parents: [],
  children: [],
  commands: [],
};

/** Returns a document with empty values for missing keys. */
export function complete(document: Partial<ExperimentDocument> & { id: string }): ExperimentDocument {
  return { ...EMPTY, ...document };
}

export async function loadExperiment(id: string): Promise<ExperimentDocument> {
  return complete(await load<ExperimentDocument>(`experiment/${keyOf(id)}`));
}
