/**
 * Lays a plan out from top to bottom: a row per depth, edges that skip rows led around the nodes between.
 *
 * Rows come from the longest path, as far as they have room for readable nodes; order within a row from a few barycentre sweeps; an edge that other edges already
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
  /** From the bottom of a row to the top of the next: at least, and at most if there is room. */
  gap: [least: number, most: number];
  /** Room from top to bottom, in pixels; more is taken if the plan needs it. */
  room: number;
  maxNodeWidth: number;
  /** What a node needs to be readable: a row that has no room for so much passes nodes on to the next one. */
  minNodeWidth: number;
}

const COLUMN_GAP = 12;
/** Room an edge takes that passes between nodes. */
const LANE = 20;
const SWEEPS = 4;
/** Rounds of drawing nodes towards their neighbours. */
const ROUNDS = 12;

/** A node, or a bend of an edge that passes a row (`step` is then null). */
interface Slot {
  key: string;
  step: StepPlan | null;
  above: string[];
}

export function layout(steps: readonly StepPlan[], measures: Measures): Layout {
  const needs = reduce(steps);
  const most = Math.floor((measures.width + COLUMN_GAP) / (measures.minNodeWidth + COLUMN_GAP));
  const depth = depths(steps, needs, Math.max(1, most));
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

/** The row of each step: below all it needs, and where fewer than `most` are already. */
function depths(steps: readonly StepPlan[], needs: Map<string, string[]>, most: number): Map<string, number> {
  const depth = new Map<string, number>();
  const taken: number[] = [];
  // Steps come in a valid order, so every need has its depth by now.
  for (const { id } of steps) {
    let row = 1 + Math.max(-1, ...(needs.get(id) ?? []).map((need) => depth.get(need) ?? 0));
    while ((taken[row] ?? 0) >= most) row += 1;
    taken[row] = (taken[row] ?? 0) + 1;
    depth.set(id, row);
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
  const centre = align(rows, nodeWidth, m.width);
  const spare = (m.room - rows.length * m.nodeHeight) / Math.max(1, rows.length - 1);
  const gap = Math.floor(Math.min(m.gap[1], Math.max(m.gap[0], spare)));
  const top = (row: number) => row * (m.nodeHeight + gap);
  const nodes = rows.flatMap((row, index) =>
    row.flatMap((slot) =>
      slot.step ? [{ id: slot.key, x: (centre.get(slot.key) ?? 0) - nodeWidth / 2, y: top(index) }] : [],
    ),
  );
  const edges = [...needs].flatMap(([to, own]) =>
    own.map((from) => ({ from, to, path: route(from, to, depth, centre, top, m.nodeHeight) })),
  );
  return { width: m.width, height: top(rows.length) - gap, nodeWidth, nodes, edges };
}

/** Centres of all slots: evenly spread at first, then drawn towards what they are joined to, never overlapping. */
function align(rows: Slot[][], nodeWidth: number, width: number): Map<string, number> {
  const size = (slot: Slot | undefined) => (slot?.step ? nodeWidth : LANE);
  const centre = new Map<string, number>();
  for (const row of rows) {
    let x = (width - row.reduce((sum, slot) => sum + size(slot), 0) - COLUMN_GAP * (row.length - 1)) / 2;
    for (const slot of row) {
      centre.set(slot.key, x + size(slot) / 2);
      x += size(slot) + COLUMN_GAP;
    }
  }
  const joined = neighbours(rows);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const row of round % 2 === 0 ? rows : [...rows].reverse()) {
      const wanted = row.map((slot) => mean((joined.get(slot.key) ?? []).map((key) => centre.get(key) ?? 0)));
      const placed = wanted.map((x, index) => x ?? centre.get(row[index]?.key ?? '') ?? 0);
      const apart = (index: number) => (size(row[index]) + size(row[index + 1])) / 2 + COLUMN_GAP;
      separate(placed, apart, size(row[0]) / 2, width - size(row.at(-1)) / 2);
      row.forEach((slot, index) => centre.set(slot.key, placed[index] ?? 0));
    }
  }
  return centred(centre, rows, size, width);
}

/** Moves the whole into the middle, by its edges: on one side there may be a node and on the other a bend. */
function centred(
  centre: Map<string, number>,
  rows: Slot[][],
  size: (slot: Slot) => number,
  width: number,
): Map<string, number> {
  const edge = (side: number) =>
    rows.flat().map((slot) => (centre.get(slot.key) ?? 0) + (side * size(slot)) / 2);
  const shift = (width - Math.min(...edge(-1)) - Math.max(...edge(1))) / 2;
  return new Map([...centre].map(([key, x]) => [key, x + shift]));
}

/** Pushes places apart, to the right and then back into the room there is. */
function separate(places: number[], apart: (index: number) => number, least: number, most: number): void {
  for (let i = 0; i < places.length; i += 1) {
    places[i] = Math.max(places[i] ?? 0, i === 0 ? least : (places[i - 1] ?? 0) + apart(i - 1));
  }
  for (let i = places.length - 1; i >= 0; i -= 1) {
    const limit = i === places.length - 1 ? most : (places[i + 1] ?? 0) - apart(i);
    places[i] = Math.min(places[i] ?? 0, limit);
  }
}

function neighbours(rows: Slot[][]): Map<string, string[]> {
  const joined = new Map<string, string[]>();
  const join = (from: string, to: string) => joined.set(from, [...(joined.get(from) ?? []), to]);
  for (const { key, above } of rows.flat()) {
    for (const other of above) {
      join(key, other);
      join(other, key);
    }
  }
  return joined;
}

function mean(values: number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
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
