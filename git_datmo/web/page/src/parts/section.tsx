/** A part of a view with a heading, and tools on its right. */

import type { ComponentChildren } from "preact";

interface Props { title: string; id?: string; tools?: ComponentChildren; note?: string; children: ComponentChildren }

export function Section({ title, id, tools, note, children }: Props) {
  return (
    <section class="section" id={id} aria-label={title}>
      <div class="section-head">
        <h2>{title}</h2>
        {note && <span class="quiet">{note}</span>}
        {tools && <div class="tools">{tools}</div>}
      </div>
      {children}
    </section>
  );
}
