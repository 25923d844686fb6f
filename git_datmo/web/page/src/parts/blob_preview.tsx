/** Shows a stored file: an image, sound, table, JSON or text. Nothing of it is run. */

import { useState } from "preact/hooks";
import type { TableColumn, TableDocument, TextDocument } from "../documents/types";
import { showSize, showValue } from "../format";
import { useFileAddress } from "./file_address";
import { PlainTable } from "./plain_table";
import { Document } from "./waiting";

interface Props { blob: string; suffix: string; kind: string; label: string }

// SVG may hold scripts, so it is shown as its text.
const RASTER = /^\.(png|jpe?g|gif|webp|bmp|avif)$/i;
const TINY = 96;
/** Rows of a table that say more than its columns. */
const FEW = 20;
const SOUND = /^\.(wav|mp3|ogg|oga|flac|m4a|opus)$/i;

export function BlobPreview({ blob, suffix, kind, label }: Props) {
  if (RASTER.test(suffix)) return <Image blob={blob} suffix={suffix} label={label} />;
  if (kind === "audio" || SOUND.test(suffix)) return <Sound blob={blob} suffix={suffix} label={label} />;
  if (kind === "table") return <Document<TableDocument> name={`table/${blob}`}>{(table) => <TablePreview table={table} label={label} />}</Document>;
  if (kind === "binary") return <p class="quiet">This file has no preview.</p>;
  return <Document<TextDocument> name={`text/${blob}`}>{(text) => <TextPreview document={text} isJson={kind === "json"} label={label} />}</Document>;
}

export function Image({ blob, suffix, label }: { blob: string; suffix: string; label: string }) {
  const [isMissing, setMissing] = useState(false);
  const [isTiny, setTiny] = useState(false);
  // Images of few pixels, as of digits, are enlarged without blur.
  const measure = (event: Event) => setTiny((event.currentTarget as HTMLImageElement).naturalWidth < TINY);
  const address = useFileAddress(blob, suffix);
  if (isMissing) return <p class="notice">This image is not here.</p>;
  if (!address) return null;
  return <img class={isTiny ? "preview-image tiny" : "preview-image"} src={address} alt={label} loading="lazy" onLoad={measure} onError={() => setMissing(true)} />;
}

function Sound({ blob, suffix, label }: { blob: string; suffix: string; label: string }) {
  const address = useFileAddress(blob, suffix);
  return <audio controls preload="metadata" src={address || undefined} aria-label={label} />;
}

function TextPreview({ document, isJson, label }: { document: TextDocument; isJson: boolean; label: string }) {
  return (
    <>
      <pre class="text-preview" tabIndex={0} aria-label={label}>{isJson ? indented(document.text) : document.text}</pre>
      {document.is_cut && <p class="quiet">Only the beginning is shown{document.size ? `; the file has ${showSize(document.size)}` : ""}.</p>}
    </>
  );
}

function indented(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function TablePreview({ table, label }: { table: TableDocument; label: string }) {
  const summary = table.columns.map((column) => [
    { value: column.name },
    { value: column.type, show: <span class="quiet">{column.type}</span> },
    { value: column.bins.join(" "), show: <Bins column={column} /> },
    ...[column.missing, column.distinct, column.min, column.mean, column.max].map((value) => ({ value, show: String(showValue(value)).slice(0, 40) })),
  ]);
  const headings = ["Column", "Type", "Distribution", "Missing", "Distinct", "Min", "Mean", "Max"].map((name, place) => ({ name, isNumber: place > 2 }));
  const sampleHeads = table.columns.map((column) => ({ name: column.name, isNumber: column.bins.length > 0 }));
  const sample = <PlainTable name={`First rows of ${label}`} headings={sampleHeads} rows={table.sample.map((row) => row.map((value) => ({ value, show: String(showValue(value)).slice(0, 200) })))} note={table.rows <= FEW ? "Rows" : "First rows"} />;
  return (
    <div class="table-preview">
      {table.rows <= FEW && sample}
      <PlainTable name={`Columns of ${label}`} headings={headings} rows={summary} note={`${table.rows.toLocaleString("en-US")} rows, ${table.columns.length} columns${table.is_cut ? " were read; the file has more" : ""}`} />
      {table.rows > FEW && sample}
    </div>
  );
}

function Bins({ column }: { column: TableColumn }) {
  const most = Math.max(...column.bins, 1);
  const width = 4;
  if (!column.bins.length) return null;
  return (
    <svg class="bins" width={column.bins.length * (width + 1)} height="20" role="img" aria-label={`Distribution of ${column.name}`}>
      {column.bins.map((number, place) => (
        <rect key={place} x={place * (width + 1)} y={20 - (number / most) * 19} width={width} height={(number / most) * 19} fill="currentColor" />
      ))}
    </svg>
  );
}
