/** Two images side by side, one over the other with a slider, or the difference of their pixels. */

import { useEffect, useRef, useState } from "preact/hooks";
import { Image } from "../../parts/blob_preview";
import { useFileAddress } from "../../parts/file_address";

interface Props { left: string; right: string; suffix: string; label: string }

type Mode = "side" | "slider" | "difference";
const MODES: [Mode, string][] = [["side", "Side by side"], ["slider", "Slider"], ["difference", "Difference"]];

export function ImagePair({ left, right, suffix, label }: Props) {
  const [mode, setMode] = useState<Mode>("side");
  const [place, setPlace] = useState(50);
  const [one, other] = [useFileAddress(left, suffix), useFileAddress(right, suffix)];
  if (left === right) return <div><p class="quiet">Identical</p><Image blob={left} suffix={suffix} label={label} /></div>;
  return (
    <div class="image-pair">
      <div class="segmented" role="group" aria-label={`How to compare ${label}`}>
        {MODES.map(([value, text]) => <button key={value} type="button" aria-pressed={mode === value} onClick={() => setMode(value)}>{text}</button>)}
      </div>
      {mode === "side" && <div class="side-by-side"><Image blob={left} suffix={suffix} label={`${label}, first`} /><Image blob={right} suffix={suffix} label={`${label}, second`} /></div>}
      {mode === "slider" && one && other && (
        <>
          <div class="image-slider">
            <img src={one} alt={`${label}, first`} />
            <img class="over" src={other} alt={`${label}, second`} style={{ clipPath: `inset(0 0 0 ${place}%)` }} />
          </div>
          <label class="field"><span>First to second</span><input type="range" min="0" max="100" value={place} onInput={(event) => setPlace(Number(event.currentTarget.value))} /></label>
        </>
      )}
      {mode === "difference" && one && other && <Difference one={one} other={other} label={label} />}
    </div>
  );
}

// The blend is drawn and not read back, which a page from `file://` may not do.
function Difference({ one, other, label }: { one: string; other: string; label: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [error, setError] = useState("");
  useEffect(() => {
    void Promise.all([readImage(one), readImage(other)]).then(
      ([first, second]) => canvas.current && drawDifference(canvas.current, first, second),
      () => setError("One of the images is not here."),
    );
  }, [one, other]);
  if (error) return <p class="notice">{error}</p>;
  return <canvas class="preview-image" ref={canvas} role="img" aria-label={`Difference of ${label}; black where both are equal`} />;
}

function readImage(address: string): Promise<HTMLImageElement> {
  return new Promise((resolve, reject) => {
    const image = document.createElement("img");
    image.onload = () => resolve(image);
    image.onerror = () => reject(new Error(address));
    image.src = address;
  });
}

function drawDifference(canvas: HTMLCanvasElement, one: HTMLImageElement, other: HTMLImageElement): void {
  canvas.width = Math.max(one.naturalWidth, other.naturalWidth);
  canvas.height = Math.max(one.naturalHeight, other.naturalHeight);
  const context = canvas.getContext("2d");
  if (!context) return;
  context.drawImage(one, 0, 0);
  context.globalCompositeOperation = "difference";
  context.drawImage(other, 0, 0);
}
