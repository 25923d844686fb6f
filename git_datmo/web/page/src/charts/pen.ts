/** Draws the same picture on a canvas, for the screen, and as SVG, for saving. */

export interface Look { colour: string; width?: number; alpha?: number; dash?: number[] }
export interface TextLook { colour: string; size?: number; align?: "start" | "middle" | "end"; turned?: boolean }
export type Point = [number, number];

export interface Pen {
  line(points: Point[], look: Look): void;
  dot(x: number, y: number, radius: number, look: Look): void;
  cross(x: number, y: number, radius: number, look: Look): void;
  text(x: number, y: number, text: string, look: TextLook): void;
}

export const FONT = "ui-sans-serif, system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";

export class CanvasPen implements Pen {
  constructor(private readonly context: CanvasRenderingContext2D) {}

  line(points: Point[], look: Look): void {
    const { context } = this;
    this.use(look);
    context.beginPath();
    points.forEach(([x, y], place) => (place ? context.lineTo(x, y) : context.moveTo(x, y)));
    context.stroke();
    context.globalAlpha = 1;
  }

  dot(x: number, y: number, radius: number, look: Look): void {
    const { context } = this;
    this.use(look);
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fillStyle = look.colour;
    context.fill();
    context.globalAlpha = 1;
  }

  cross(x: number, y: number, radius: number, look: Look): void {
    this.line([[x - radius, y - radius], [x + radius, y + radius]], look);
    this.line([[x - radius, y + radius], [x + radius, y - radius]], look);
  }

  text(x: number, y: number, text: string, look: TextLook): void {
    const { context } = this;
    context.save();
    context.translate(x, y);
    if (look.turned) context.rotate(-Math.PI / 2);
    context.fillStyle = look.colour;
    context.font = `${look.size ?? 12}px ${FONT}`;
    context.textAlign = look.align === "middle" ? "center" : (look.align ?? "start");
    context.textBaseline = "alphabetic";
    context.fillText(text, 0, 0);
    context.restore();
  }

  private use(look: Look): void {
    this.context.strokeStyle = look.colour;
    this.context.lineWidth = look.width ?? 1;
    this.context.globalAlpha = look.alpha ?? 1;
    this.context.setLineDash(look.dash ?? []);
    this.context.lineJoin = "round";
  }
}

export class SvgPen implements Pen {
  private readonly parts: string[] = [];

  constructor(private readonly width: number, private readonly height: number, private readonly background: string) {}

  line(points: Point[], look: Look): void {
    const path = points.map(([x, y]) => `${round(x)},${round(y)}`).join(" ");
    const dash = look.dash?.length ? ` stroke-dasharray="${look.dash.join(" ")}"` : "";
    this.parts.push(`<polyline points="${path}" fill="none" stroke="${escape(look.colour)}" stroke-width="${look.width ?? 1}" stroke-opacity="${look.alpha ?? 1}" stroke-linejoin="round"${dash}/>`);
  }

  dot(x: number, y: number, radius: number, look: Look): void {
    this.parts.push(`<circle cx="${round(x)}" cy="${round(y)}" r="${radius}" fill="${escape(look.colour)}" fill-opacity="${look.alpha ?? 1}"/>`);
  }

  cross(x: number, y: number, radius: number, look: Look): void {
    this.line([[x - radius, y - radius], [x + radius, y + radius]], look);
    this.line([[x - radius, y + radius], [x + radius, y - radius]], look);
  }

  text(x: number, y: number, text: string, look: TextLook): void {
    const turn = look.turned ? ` transform="rotate(-90 ${round(x)} ${round(y)})"` : "";
    this.parts.push(`<text x="${round(x)}" y="${round(y)}" font-family="${escape(FONT)}" font-size="${look.size ?? 12}" text-anchor="${look.align ?? "start"}" fill="${escape(look.colour)}"${turn}>${escape(text)}</text>`);
  }

  finish(): string {
    const size = `width="${this.width}" height="${this.height}" viewBox="0 0 ${this.width} ${this.height}"`;
    return `<svg xmlns="http://www.w3.org/2000/svg" ${size}><rect width="100%" height="100%" fill="${escape(this.background)}"/>${this.parts.join("")}</svg>\n`;
  }
}

function round(number: number): number {
  return Math.round(number * 100) / 100;
}

// Control characters are not allowed in XML, however they are written.
function escape(text: string): string {
  return text
    .replace(/[\x00-\x08\x0b\x0c\x0e-\x1f]/g, "�")
    .replace(/[&<>"]/g, (letter) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[letter] as string);
}
