/** Loads documents that are part of the HTML, as in the output of a notebook's cell. */

import { bytesOfBase64, STILL, unpack, type DocumentSource } from "./source_types";

export function inlineSource(): DocumentSource {
  const texts = new Map([...document.querySelectorAll<HTMLScriptElement>("script[data-name]")].map((element) => [element.dataset.name, element.textContent]));
  return {
    ...STILL,
    async load(name) {
      const text = texts.get(name);
      if (!text) throw new Error("This is not in this notebook. 'git datmo ui' shows it.");
      return unpack(bytesOfBase64(text));
    },
    // An address without an image, so that the page says that it is not here.
    file: () => "data:,",
  };
}
