/** A small menu that saves a chart or a table as PNG, SVG or CSV. */

import { useRef } from "preact/hooks";
import { Icon } from "./icon";
import { saveText } from "./save_file";

interface Props {
  name: string;
  png?: () => void;
  svg?: () => string;
  csv?: () => string;
}

export function ExportMenu({ name, png, svg, csv }: Props) {
  const details = useRef<HTMLDetailsElement>(null);
  const choose = (save: () => void) => () => {
    save();
    if (details.current) details.current.open = false;
  };
  const close = (event: KeyboardEvent) => {
    if (event.key === "Escape" && details.current?.open) {
      details.current.open = false;
      details.current.querySelector("summary")?.focus();
    }
  };
  return (
    <details class="menu" ref={details} onKeyDown={close}>
      <summary class="icon-button small" aria-label={`Save ${name}`} title="Save">
        <Icon name="download" />
      </summary>
      <div class="menu-items">
        {png && <button type="button" onClick={choose(png)}>PNG</button>}
        {svg && <button type="button" onClick={choose(() => saveText(`${name}.svg`, svg(), "image/svg+xml"))}>SVG</button>}
        {csv && <button type="button" onClick={choose(() => saveText(`${name}.csv`, csv(), "text/csv"))}>CSV</button>}
      </div>
    </details>
  );
}
