/** The code as it ran: how it differs from the commit, and its files. */

import type { ExperimentDocument } from "../../documents/types";
import { count } from "../../format";
import { FileListing } from "../../parts/file_listing";
import { Patch } from "../../parts/patch";
import { Section } from "../../parts/section";
import { Document } from "../../parts/waiting";

export function CodeTab({ document }: { document: ExperimentDocument }) {
  const { files, patch, changed } = document.code;
  return (
    <>
      <Section title="Differences from the commit" note={changed ? count(changed, "file") : ""}>
        {patch ? <Document<{ text: string }> name={patch}>{(value) => <Patch text={value.text} />}</Document> : <p class="quiet">The code ran as it was committed.</p>}
      </Section>
      <Section title="Files">{files ? <FileListing name={files} label="the code" /> : <p class="quiet">The code is not stored here.</p>}</Section>
    </>
  );
}
