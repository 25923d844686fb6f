/** Places the nodes of a graph of lineage: one column a generation, from older to newer. */

export interface Node { id: string; x: number; y: number }
export interface Edge { from: Node; to: Node; path: string }
export interface Layout { nodes: Node[]; edges: Edge[]; width: number; height: number }

const GAP_X = 150;
const GAP_Y = 18;

/** Each pair is the run that wrote, the run that read, and the path. */
export function placeNodes(root: string, pairs: [string, string, string][], width: number, height: number): Layout {
  const generations = findGenerations(root, pairs);
  const oldest = Math.min(...generations.values());
  const columns = new Map<number, string[]>();
  for (const [id, generation] of generations) {
    const column = columns.get(generation - oldest) ?? [];
    column.push(id);
    columns.set(generation - oldest, column);
  }
  const tallest = Math.max(...[...columns.values()].map((column) => column.length));
  const nodes = new Map<string, Node>();
  for (const [place, column] of columns) {
    const top = ((tallest - column.length) * (height + GAP_Y)) / 2;
    column.forEach((id, at) => nodes.set(id, { id, x: place * (width + GAP_X), y: top + at * (height + GAP_Y) }));
  }
  return {
    nodes: [...nodes.values()],
    edges: joinPaths(pairs, nodes),
    width: columns.size * (width + GAP_X) - GAP_X,
    height: tallest * (height + GAP_Y),
  };
}

/** Returns the generation of each node, as many steps from the root as it takes by the shortest way. */
function findGenerations(root: string, pairs: [string, string, string][]): Map<string, number> {
  const found = new Map([[root, 0]]);
  const queue = [root];
  for (let id = queue.shift(); id !== undefined; id = queue.shift()) {
    const generation = found.get(id) as number;
    for (const [from, to] of pairs) {
      const [next, at] = from === id ? [to, generation + 1] : to === id ? [from, generation - 1] : ["", 0];
      if (!next || found.has(next)) continue;
      found.set(next, at);
      queue.push(next);
    }
  }
  return found;
}

/** Returns one edge for two nodes, whatever number of paths it stands for. */
function joinPaths(pairs: [string, string, string][], nodes: Map<string, Node>): Edge[] {
  const edges = new Map<string, { from: Node; to: Node; paths: Set<string> }>();
  for (const [from, to, path] of pairs) {
    const ends = [nodes.get(from), nodes.get(to)] as const;
    if (!ends[0] || !ends[1] || from === to) continue;
    const edge = edges.get(`${from} ${to}`) ?? { from: ends[0], to: ends[1], paths: new Set<string>() };
    edge.paths.add(path);
    edges.set(`${from} ${to}`, edge);
  }
  return [...edges.values()].map(({ from, to, paths }) => ({ from, to, path: [...paths].join(", ") }));
}
