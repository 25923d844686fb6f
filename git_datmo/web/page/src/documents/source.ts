/** The source of documents and files: an HTTP server, an exported folder, or a notebook. */

import { hostSource } from "./host_source";
import { httpSource } from "./http_source";
import { inlineSource } from "./inline_source";
import { scriptSource } from "./script_source";
import type { DocumentSource } from "./source_types";

const SOURCES: Record<string, () => DocumentSource> = { live: httpSource, static: scriptSource, inline: inlineSource, hosted: hostSource };

export const source: DocumentSource = (SOURCES[document.documentElement.dataset.mode ?? ""] ?? httpSource)();
