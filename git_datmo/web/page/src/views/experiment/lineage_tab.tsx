/** Where data and models came from, and who used them, as a graph that can be followed. */

import { useEffect, useMemo, useState } from "preact/hooks";
import { addressOf } from "../../address";
import { loadExperiment } from "../../documents/experiment_document";
import { findRow } from "../../documents/experiments_store";
import type { ExperimentDocument, Payload } from "../../documents/types";
import { shortId } from "../../format";
import { Icon } from "../../parts/icon";
import { saveText } from "../../parts/save_file";
import { Section } from "../../parts/section";
import { titleOfRow } from "../../parts/experiment_link";
import { placeNodes, type Edge } from "./lineage_layout";
import { lineagePicture } from "./lineage_picture";

const WIDTH = 220;
const HEIGHT = 46;
const DATA = "data/";

interface Graph { documents: Map<string, ExperimentDocument> }

export function LineageTab({ document }: { document: ExperimentDocument }) {
  const [graph, setGraph] = useState<Graph>({ documents: new Map([[document.id, document]]) });
  useEffect(() => setGraph({ documents: new Map([[document.id, document]]) }), [document]);
  const { nodes, edges, width, height } = useMemo(() => layout(graph, document.id), [graph, document]);
  const expand = (id: string) => {
    void loadExperiment(id).then((found) => {
      setGraph((old) => ({ documents: new Map(old.documents).set(id, found) }));
    });
  };
  const save = () => saveText("lineage.svg", lineagePicture(nodes, edges, width, height, titleOf), "image/svg+xml");
  return (
    <Section title="Lineage" note="From left to right: data read, the run, data written, runs that used them" tools={<button type="button" class="icon-button small" aria-label="Save the graph as SVG" onClick={save}><Icon name="download" /></button>}>
      <div class="lineage-box" tabIndex={0} role="region" aria-label="Graph of lineage">
        <div class="lineage" style={{ width: `${width}px`, height: `${height}px` }}>
          <svg width={width} height={height} aria-hidden="true">
            {edges.map((edge, place) => <path key={place} d={edgePath(edge)} fill="none" stroke="currentColor" stroke-width="1.2" />)}
          </svg>
          {edges.filter((edge) => !pathOf(edge.from.id) && !pathOf(edge.to.id)).map((edge, place) => (
            <span key={`label ${place}`} class="lineage-label" title={edge.path} style={{ left: `${(edge.from.x + WIDTH + edge.to.x) / 2}px`, top: `${(edge.from.y + edge.to.y) / 2 + HEIGHT / 2}px` }}>{edge.path}</span>
          ))}
          {nodes.map((node) => (
            <div key={node.id} class={`lineage-node ${node.id === document.id ? "current" : pathOf(node.id) ? "data" : ""}`} style={{ left: `${node.x}px`, top: `${node.y}px`, width: `${WIDTH}px`, height: `${HEIGHT}px` }}>
              <a href={pathOf(node.id) ? addressOf("data", pathOf(node.id)) : addressOf("experiment", node.id, { tab: "lineage" })}>{titleOf(node.id)}</a>
              <code class="quiet">{shortId(node.id.replace(DATA, ""))}</code>
              {!pathOf(node.id) && !graph.documents.has(node.id) && <button type="button" class="icon-button tiny" aria-label={`Follow ${titleOf(node.id)}`} title="Show its own lineage" onClick={() => expand(node.id)}>+</button>}
            </div>
          ))}
        </div>
      </div>
      <ul class="visually-hidden">
        {edges.map((edge, place) => <li key={place}>{titleOf(edge.from.id)}, then {titleOf(edge.to.id)}, by {edge.path}</li>)}
      </ul>
    </Section>
  );
}

function titleOf(id: string): string {
  const path = pathOf(id);
  if (path) return path;
  const row = findRow(id);
  return (row < 0 ? "" : titleOfRow(row)) || shortId(id);
}

function dataNode(payload: Payload): string {
  return `${DATA}${payload.oid}/${payload.path}`;
}

/** Returns the path of a node for data; "" for a run. */
function pathOf(id: string): string {
  return id.startsWith(DATA) ? id.slice(id.indexOf("/", DATA.length) + 1) : "";
}

function layout(graph: Graph, root: string) {
  const pairs: [string, string, string][] = [];
  for (const [id, found] of graph.documents) {
    for (const parent of found.parents) pairs.push([parent.id, id, parent.path]);
    for (const child of found.children) pairs.push([id, child.id, child.path]);
    // Data that no run wrote, and outputs that no run read yet, are ends of the graph.
    const read = new Set(found.parents.map((parent) => parent.path));
    const used = new Set(found.children.map((child) => child.path));
    for (const input of found.inputs) if (!read.has(input.path)) pairs.push([dataNode(input), id, input.path]);
    for (const output of found.outputs) if (!used.has(output.path)) pairs.push([id, dataNode(output), output.path]);
  }
  return placeNodes(root, pairs, WIDTH, HEIGHT);
}

function edgePath({ from, to }: Edge): string {
  const [x1, y1] = [from.x + WIDTH, from.y + HEIGHT / 2];
  const [x2, y2] = [to.x, to.y + HEIGHT / 2];
  const bend = Math.max(40, (x2 - x1) / 2);
  return `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
}

