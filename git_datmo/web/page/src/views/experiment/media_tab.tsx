/** Images, tables, texts and figures that a run logged, by step. */

import { useState } from "preact/hooks";
import type { Media, MediaItem } from "../../documents/types";
import { showSize } from "../../format";
import { BlobPreview } from "../../parts/blob_preview";
import { Section } from "../../parts/section";

export function MediaTab({ media }: { media: Media[] }) {
  return <>{media.map((each) => <Series key={`${each.kind} ${each.name}`} media={each} />)}</>;
}

function Series({ media }: { media: Media }) {
  const [place, setPlace] = useState(media.items.length - 1);
  const item = media.items[Math.min(place, media.items.length - 1)];
  if (!item) return null;
  return (
    <Section title={media.name} note={`${media.kind}, ${showSize(item.size)}`}>
      {media.items.length > 1 && (
        <label class="field step">
          <span>Step</span>
          <input type="range" min="0" max={media.items.length - 1} step="1" value={place} aria-valuetext={stepText(item, place)} onInput={(event) => setPlace(Number(event.currentTarget.value))} />
          <output class="figure">{stepText(item, place)}</output>
        </label>
      )}
      <BlobPreview blob={item.blob} suffix={item.suffix} kind={media.kind === "figure" ? "image" : media.kind} label={`${media.name}, step ${stepText(item, place)}`} />
    </Section>
  );
}

function stepText(item: MediaItem, place: number): string {
  return String(item.step ?? place);
}
