/** Gives components the address of a stored file. */

import { useEffect, useState } from "preact/hooks";
import { source } from "../documents/source";

// An address without an image or sound.
const NOTHING = "data:,";

/** Returns the address of a stored file; "" while it is loaded. `suffix` has its dot, or is empty. */
export function useFileAddress(blob: string, suffix: string): string {
  const [loaded, setLoaded] = useState({ blob: "", address: "" });
  const found = source.file(blob, suffix);
  useEffect(() => {
    if (typeof found === "string") return;
    found.then((address) => setLoaded({ blob, address }), () => setLoaded({ blob, address: NOTHING }));
  }, [blob, suffix]);
  if (typeof found === "string") return found;
  return loaded.blob === blob ? loaded.address : "";
}
