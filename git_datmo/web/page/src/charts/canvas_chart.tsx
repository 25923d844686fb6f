/** A canvas that is drawn by a pen, follows its width, and can be saved as PNG, SVG or CSV. */

import { useEffect, useRef, useState } from "preact/hooks";
import { ExportMenu } from "../parts/export_menu";
import { saveCanvas } from "../parts/save_file";
import { ink, theme } from "../theme";
import { CanvasPen, SvgPen, type Pen } from "./pen";

export interface Size { width: number; height: number }

interface Props {
  name: string;
  label: string;
  height: number;
  draw: (pen: Pen, size: Size) => void;
  csv?: () => string;
  onMove?: (x: number, y: number, size: Size) => void;
  onLeave?: () => void;
  onDown?: (x: number, y: number, size: Size) => void;
  onUp?: (x: number, y: number, size: Size) => void;
}

export function CanvasChart({ name, label, height, draw, csv, onMove, onLeave, onDown, onUp }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [width, setWidth] = useState(0);
  const scheme = theme.value;
  useEffect(() => {
    const box = canvas.current?.parentElement;
    if (!box) return;
    const observer = new ResizeObserver(() => setWidth(Math.floor(box.clientWidth)));
    observer.observe(box);
    return () => observer.disconnect();
  }, []);
  const size = { width, height };
  useEffect(() => {
    if (canvas.current && width) paint(canvas.current, size, draw);
  }, [draw, width, height, scheme]);
  const at = (handler?: (x: number, y: number, size: Size) => void) => (event: PointerEvent) => {
    const box = canvas.current?.getBoundingClientRect();
    if (box && handler) handler(event.clientX - box.left, event.clientY - box.top, size);
  };
  const svg = () => {
    const pen = new SvgPen(width, height, ink("panel"));
    draw(pen, size);
    return pen.finish();
  };
  const png = () => {
    const copy = document.createElement("canvas");
    paint(copy, size, draw, ink("panel"));
    saveCanvas(`${name}.png`, copy);
  };
  return (
    <div class="canvas-chart">
      <div class="chart-menu"><ExportMenu name={name} png={png} svg={svg} csv={csv} /></div>
      <div class="canvas-box">
        <canvas ref={canvas} role="img" aria-label={label} style={{ width: `${width}px`, height: `${height}px` }} onPointerMove={at(onMove)} onPointerLeave={onLeave} onPointerDown={at(onDown)} onPointerUp={at(onUp)} />
      </div>
    </div>
  );
}

function paint(canvas: HTMLCanvasElement, size: Size, draw: Props["draw"], background?: string): void {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = size.width * ratio;
  canvas.height = size.height * ratio;
  const context = canvas.getContext("2d");
  if (!context) return;
  context.scale(ratio, ratio);
  if (background) {
    context.fillStyle = background;
    context.fillRect(0, 0, size.width, size.height);
  }
  draw(new CanvasPen(context), size);
}
