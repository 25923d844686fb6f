/** Loads documents from the script files of an export. */

import { bytesOfBase64, STILL, unpack, type DocumentSource } from "./source_types";

declare global {
  interface Window {
    datmo?: { document: (name: string, content: string) => void };
  }
}

const waiting = new Map<string, (content: string) => void>();

export function scriptSource(): DocumentSource {
  // A script file of an export calls this function, and nothing else.
  window.datmo = {
    document(name, content) {
      waiting.get(name)?.(content);
      waiting.delete(name);
    },
  };
  return { ...STILL, load, file: fileAddress };
}

function load(name: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    waiting.set(name, (content) => unpack(bytesOfBase64(content)).then(resolve, reject));
    script.onload = () => {
      script.remove();
      if (waiting.delete(name)) reject(new Error("This document is damaged."));
    };
    script.onerror = () => {
      script.remove();
      waiting.delete(name);
      reject(new Error("This is not in this export."));
    };
    script.src = `data/${name}.js`;
    document.head.append(script);
  });
}

function fileAddress(blob: string, suffix: string): string {
  return `data/file/${blob}${suffix.replace(/[^A-Za-z0-9.]/g, "")}`;
}
