/** Draws a graph of lineage as SVG, to save it. */

import { SvgPen } from "../../charts/pen";
import { shortId } from "../../format";
import { ink } from "../../theme";
import type { Edge, Node } from "./lineage_layout";

const EDGE = 20;
const WIDTH = 220;
const HEIGHT = 46;

export function lineagePicture(nodes: Node[], edges: Edge[], width: number, height: number, title: (id: string) => string): string {
  const pen = new SvgPen(width + 2 * EDGE, height + 2 * EDGE, ink("panel"));
  const [line, muted, dark] = [ink("line"), ink("muted"), ink("ink")];
  for (const { from, to, path } of edges) {
    const [x1, y1] = [from.x + WIDTH + EDGE, from.y + HEIGHT / 2 + EDGE];
    const [x2, y2] = [to.x + EDGE, to.y + HEIGHT / 2 + EDGE];
    pen.line([[x1, y1], [x2, y2]], { colour: muted });
    pen.text((x1 + x2) / 2, (y1 + y2) / 2 - 4, path.slice(0, 24), { colour: muted, align: "middle", size: 11 });
  }
  for (const node of nodes) {
    const [x, y] = [node.x + EDGE, node.y + EDGE];
    pen.line([[x, y], [x + WIDTH, y], [x + WIDTH, y + HEIGHT], [x, y + HEIGHT], [x, y]], { colour: line, width: 1.5 });
    pen.text(x + 10, y + 20, title(node.id).slice(0, 30), { colour: dark });
    pen.text(x + 10, y + 37, shortId(node.id.replace("data/", "")), { colour: muted, size: 11 });
  }
  return pen.finish();
}
