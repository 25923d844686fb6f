/** A command line that a person can copy. */

import { useState } from "preact/hooks";
import { Icon } from "./icon";

interface Props { command: string; label?: string }

export function CommandLine({ command, label }: Props) {
  return (
    <div class="command">
      {label && <span class="command-label">{label}</span>}
      <code tabIndex={0}>{command}</code>
      <CopyButton text={command} label="Copy the command" />
    </div>
  );
}

export function CopyButton({ text, label }: { text: string; label: string }) {
  const [copied, setCopied] = useState(false);
  const copy = () => {
    void copyText(text).then((done) => {
      setCopied(done);
      setTimeout(() => setCopied(false), 1500);
    });
  };
  return (
    <button class="icon-button small" type="button" onClick={copy} aria-label={copied ? "Copied" : label} title={label}>
      <Icon name={copied ? "check" : "copy"} />
    </button>
  );
}

async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Pages from `file://` and over plain HTTP have no clipboard.
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}
