/**
 * Lays a plan out from top to bottom: a row per depth, edges that skip rows led around the nodes between.
 *
 * Rows come from the longest path; order within a row from a few barycentre sweeps; an edge that other edges already
 * imply is not drawn.
 */
import type { StepPlan } from '../protocol/StepPlan';

export interface PlacedNode {
  id: string;
  x: number;
  y: number;
}

export interface PlacedEdge {
  from: string;
  to: string;
  path: string;
}

export interface Layout {
  width: number;
  height: number;
  nodeWidth: number;
  nodes: PlacedNode[];
  edges: PlacedEdge[];
}

export interface Measures {
  /** Room from left to right, in pixels. */
  width: number;
  nodeHeight: number;
  /** From the bottom of a row to the top of the next. */
  gap: number;
  maxNodeWidth: number;
}

const COLUMN_GAP = 12;
/** Room an edge takes that passes between nodes. */
const LANE = 20;
const SWEEPS = 4;

/** A node, or a bend of an edge that passes a row (`step` is then null). */
interface Slot {
  key: string;
  step: StepPlan | null;
  above: string[];
}

export function layout(steps: readonly StepPlan[], measures: Measures): Layout {
  const needs = reduce(steps);
  const depth = depths(steps, needs);
  const rows = makeRows(steps, needs, depth);
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) order(rows, sweep % 2 === 0);
  return place(rows, needs, depth, measures);
}

/** Each step's needs without those that another need implies. */
function reduce(steps: readonly StepPlan[]): Map<string, string[]> {
  const known = new Set(steps.map((step) => step.id));
  const needs = new Map(steps.map((step) => [step.id, step.needs.filter((need) => known.has(need))]));
  const reach = new Map<string, Set<string>>();
  const ancestors = (id: string): Set<string> => {
    const done = reach.get(id);
    if (done) return done;
    const all = new Set<string>();
    reach.set(id, all);
    for (const need of needs.get(id) ?? []) for (const each of [need, ...ancestors(need)]) all.add(each);
    return all;
  };
  return new Map(
    [...needs].map(([id, own]) => [
      id,
      own.filter((need) => !own.some((other) => other !== need && ancestors(other).has(need))),
    ]),
  );
}

function depths(steps: readonly StepPlan[], needs: Map<string, string[]>): Map<string, number> {
  const depth = new Map<string, number>();
  // Steps come in a valid order, so every need has its depth by now.
  for (const { id } of steps) {
    depth.set(id, 1 + Math.max(-1, ...(needs.get(id) ?? []).map((need) => depth.get(need) ?? 0)));
  }
  return depth;
}

function makeRows(
  steps: readonly StepPlan[],
  needs: Map<string, string[]>,
  depth: Map<string, number>,
): Slot[][] {
  const rows: Slot[][] = Array.from({ length: 1 + Math.max(0, ...depth.values()) }, () => []);
  for (const step of steps) {
    const own = depth.get(step.id) ?? 0;
    const above = (needs.get(step.id) ?? []).map((need) => {
      const from = depth.get(need) ?? 0;
      for (let row = from + 1; row < own; row += 1) {
        rows[row]?.push({
          key: bend(need, step.id, row),
          step: null,
          above: [lane(need, step.id, row - 1, from)],
        });
      }
      return lane(need, step.id, own - 1, from);
    });
    rows[own]?.push({ key: step.id, step, above });
  }
  return rows;
}

const bend = (from: string, to: string, row: number): string => `${from}→${to}@${row}`;
/** Where the edge is in `row`: a bend, or its own beginning. */
const lane = (from: string, to: string, row: number, start: number): string =>
  row === start ? from : bend(from, to, row);

function order(rows: Slot[][], downward: boolean): void {
  const position = new Map<string, number>();
  const note = (row: Slot[]) =>
    row.forEach((slot, index) => position.set(slot.key, (index + 0.5) / row.length));
  rows.forEach(note);
  for (const row of downward ? rows : [...rows].reverse()) {
    const weight = new Map(row.map((slot) => [slot.key, barycentre(slot, rows, position, downward)]));
    row.sort((a, b) => (weight.get(a.key) ?? 0) - (weight.get(b.key) ?? 0));
    note(row);
  }
}

function barycentre(slot: Slot, rows: Slot[][], position: Map<string, number>, downward: boolean): number {
  const neighbours = downward
    ? slot.above
    : rows.flatMap((row) => row.filter((other) => other.above.includes(slot.key)).map((other) => other.key));
  if (neighbours.length === 0) return position.get(slot.key) ?? 0;
  return neighbours.reduce((sum, key) => sum + (position.get(key) ?? 0), 0) / neighbours.length;
}

function place(
  rows: Slot[][],
  needs: Map<string, string[]>,
  depth: Map<string, number>,
  m: Measures,
): Layout {
  const nodeWidth = Math.min(m.maxNodeWidth, ...rows.map((row) => widest(row, m.width)));
  const centre = new Map<string, number>();
  rows.forEach((row) => {
    const widths = row.map((slot) => (slot.step ? nodeWidth : LANE));
    let x = (m.width - widths.reduce((sum, width) => sum + width, 0) - COLUMN_GAP * (row.length - 1)) / 2;
    row.forEach((slot, index) => {
      const width = widths[index] ?? 0;
      centre.set(slot.key, x + width / 2);
      x += width + COLUMN_GAP;
    });
  });
  const top = (row: number) => row * (m.nodeHeight + m.gap);
  const nodes = rows.flatMap((row, index) =>
    row.flatMap((slot) =>
      slot.step ? [{ id: slot.key, x: (centre.get(slot.key) ?? 0) - nodeWidth / 2, y: top(index) }] : [],
    ),
  );
  const edges = [...needs].flatMap(([to, own]) =>
    own.map((from) => ({ from, to, path: route(from, to, depth, centre, top, m.nodeHeight) })),
  );
  return { width: m.width, height: top(rows.length) - m.gap, nodeWidth, nodes, edges };
}

/** The widest a node of this row may be. */
function widest(row: Slot[], width: number): number {
  const count = row.filter((slot) => slot.step).length;
  if (count === 0) return Infinity;
  return Math.floor((width - (row.length - count) * LANE - COLUMN_GAP * (row.length - 1)) / count);
}

function route(
  from: string,
  to: string,
  depth: Map<string, number>,
  centre: Map<string, number>,
  top: (row: number) => number,
  nodeHeight: number,
): string {
  const first = depth.get(from) ?? 0;
  const last = depth.get(to) ?? 0;
  let x = centre.get(from) ?? 0;
  let path = `M${round(x)} ${top(first) + nodeHeight}`;
  for (let row = first + 1; row <= last; row += 1) {
    const next = centre.get(row === last ? to : bend(from, to, row)) ?? 0;
    const start = top(row - 1) + nodeHeight;
    const end = top(row);
    const middle = (start + end) / 2;
    path += ` C${round(x)} ${middle} ${round(next)} ${middle} ${round(next)} ${end}`;
    if (row < last) path += ` V${end + nodeHeight}`;
    x = next;
  }
  return path;
}

const round = (value: number): number => Math.round(value * 10) / 10;
