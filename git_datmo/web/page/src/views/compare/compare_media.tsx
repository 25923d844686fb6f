/** Images and other media of the same name, at the same step. */

import { useState } from "preact/hooks";
import type { ExperimentDocument, Media, MediaItem } from "../../documents/types";
import { BlobPreview } from "../../parts/blob_preview";
import { Section } from "../../parts/section";
import { titleOf } from "../experiment/experiment_view";
import { ImagePair } from "./image_pair";
import { chosenPair, PairSelect } from "./pair_select";

export function CompareMedia({ documents }: { documents: ExperimentDocument[] }) {
  const names = [...new Set(documents.flatMap((document) => document.media.map((media) => media.name)))];
  if (!names.length) return <p class="quiet">These experiments logged no media.</p>;
  return (
    <>
      <PairSelect documents={documents} />
      {names.map((name) => <Series key={name} name={name} documents={documents} />)}
    </>
  );
}

function Series({ name, documents }: { name: string; documents: ExperimentDocument[] }) {
  const all = documents.map((document) => document.media.find((media) => media.name === name));
  const steps = [...new Set(all.flatMap((media) => media?.items.map((item) => item.step ?? 0) ?? []))].sort((one, other) => one - other);
  const [place, setPlace] = useState(steps.length - 1);
  const step = steps[place] ?? 0;
  const [left, right] = chosenPair(documents).map((document) => itemAt(document.media.find((media) => media.name === name), step));
  const isImagePair = left && right && /^\.(png|jpe?g|gif|webp|bmp|avif)$/i.test(left.suffix) && left.suffix === right.suffix;
  return (
    <Section title={name}>
      {steps.length > 1 && (
        <label class="field step"><span>Step</span><input type="range" min="0" max={steps.length - 1} value={place} aria-valuetext={String(step)} onInput={(event) => setPlace(Number(event.currentTarget.value))} /><output class="figure">{step}</output></label>
      )}
      {isImagePair && documents.length === 2 ? <ImagePair left={left.blob} right={right.blob} suffix={left.suffix} label={name} /> : (
        <div class="media-grid">
          {documents.map((document, at) => {
            const item = itemAt(all[at], step);
            return (
              <figure key={document.id}>
                <figcaption class="quiet">{at + 1}. {titleOf(document)}</figcaption>
                {item ? <BlobPreview blob={item.blob} suffix={item.suffix} kind={all[at]?.kind ?? "text"} label={`${name} of ${titleOf(document)}`} /> : <p class="quiet">None at this step</p>}
              </figure>
            );
          })}
        </div>
      )}
      {isImagePair && documents.length > 2 && <ImagePair left={left.blob} right={right.blob} suffix={left.suffix} label={name} />}
    </Section>
  );
}

function itemAt(media: Media | undefined, step: number): MediaItem | undefined {
  return media?.items.find((item) => (item.step ?? 0) === step);
}
