/** What settings lead to, before anything is made; and how long a run still takes. */
import type { Operation } from '../protocol/Operation';
import type { RunState } from '../protocol/RunState';
import type { ShopConfig } from '../protocol/ShopConfig';
import type { StepState } from '../protocol/StepState';

/** Rows that come with one order over its life: the order, about 2.5 items, and its share of customers. */
const ROWS_PER_ORDER = 3.9;
/** Bytes a row takes in PostgreSQL with its indexes and in the warehouse together, roughly. */
const BYTES_PER_ROW = 330;
/** What a sandbox takes before the first order: the Python environment and an empty cluster, roughly. */
const BASE_BYTES = 950e6;

export interface Consequence {
  orders: number;
  rows: number;
  bytes: number;
  bytesPerDay: number;
}

/** Orders that a shop has had when it opens. */
export function ordersOf(shop: ShopConfig): number {
  return Math.round(shop.orders_per_minute * 1440 * shop.backfill_days);
}

/** Orders, rows and disk of a sandbox with this shop, when it is up and for each day after. */
export function consequenceOf(shop: ShopConfig): Consequence {
  const perDay = shop.orders_per_minute * 1440;
  const orders = ordersOf(shop);
  const rows = Math.round(orders * ROWS_PER_ORDER);
  return {
    orders,
    rows,
    bytes: BASE_BYTES + rows * BYTES_PER_ROW,
    bytesPerDay: perDay * ROWS_PER_ORDER * BYTES_PER_ROW,
  };
}

/** Seconds each step of an operation took before, by step. */
export type Learned = Readonly<Record<string, number>>;

/**
 * Seconds until the run ends, along the longest chain of steps that are not done; `null` if too little is known.
 *
 * A running step goes by its own progress; otherwise by how long it took before on this computer.
 */
export function secondsLeft(run: RunState, learned: Learned, now: number): number | null {
  if (run.outcome) return 0;
  const left = new Map<string, number>();
  for (const step of run.steps) {
    const own = ownSeconds(step, learned, now);
    if (own === null) return null;
    const before = step.plan.needs.map((need) => left.get(need) ?? 0);
    left.set(step.plan.id, own + Math.max(0, ...before));
  }
  return Math.max(0, ...left.values());
}

function ownSeconds(
  { plan, status, started_at, progress }: StepState,
  learned: Learned,
  now: number,
): number | null {
  const known = learned[plan.id];
  if (status === 'waiting') return known ?? null;
  if (status !== 'running' || started_at === null) return 0;
  const elapsed = (now - Date.parse(started_at)) / 1000;
  if (progress?.total && progress.done > 0)
    return (elapsed * (progress.total - progress.done)) / progress.done;
  return known === undefined ? null : Math.max(0.5, known - elapsed);
}

/** What a finished run teaches about its steps. */
export function learnFrom(run: RunState): Learned {
  const done = run.steps.filter((step) => step.status === 'done' && step.started_at && step.finished_at);
  return Object.fromEntries(
    done.map((step) => [
      step.plan.id,
      (Date.parse(step.finished_at ?? '') - Date.parse(step.started_at ?? '')) / 1000,
    ]),
  );
}

/**
 * The longest chain of steps, by what they took, take or took before: what the whole run waits for. The rest runs beside
 * it. A step of which nothing is known counts as long as the usual one.
 */
export function criticalPath(steps: readonly StepState[], learned: Learned, now: number): string[] {
  const known = steps.map((step) => lengthOf(step, learned, now)).filter((seconds) => seconds !== null);
  const usual = known.length > 0 ? known.reduce((sum, seconds) => sum + seconds, 0) / known.length : 1;
  const longest = new Map<string, { seconds: number; before: string | null }>();
  const length = (id: string | null) => (id === null ? 0 : (longest.get(id)?.seconds ?? 0));
  const latest = (ids: readonly string[]) =>
    ids.reduce<string | null>((best, id) => (best === null || length(id) > length(best) ? id : best), null);
  for (const step of steps) {
    const before = latest(step.plan.needs.filter((need) => longest.has(need)));
    const own = lengthOf(step, learned, now) ?? usual;
    longest.set(step.plan.id, { seconds: own + length(before), before });
  }
  const path: string[] = [];
  for (let id = latest([...longest.keys()]); id !== null; id = longest.get(id)?.before ?? null)
    path.unshift(id);
  return path;
}

/** Seconds a step takes in all, as far as is known. */
function lengthOf(
  { plan, status, started_at, finished_at, progress }: StepState,
  learned: Learned,
  now: number,
) {
  if (started_at === null) return status === 'waiting' ? (learned[plan.id] ?? null) : 0;
  const elapsed = ((finished_at === null ? now : Date.parse(finished_at)) - Date.parse(started_at)) / 1000;
  if (status !== 'running') return elapsed;
  if (progress?.total && progress.done > 0) return (elapsed * progress.total) / progress.done;
  return Math.max(elapsed, learned[plan.id] ?? 0);
}

/** An operation has its own place: a `down` removes by the same step what an `up` made, in another time. */
const placeOf = (operation: Operation) =>
  operation === 'up' ? 'retailflow.step-seconds' : `retailflow.step-seconds.${operation}`;

/** What this computer taught so far about an operation. */
export function recall(operation: Operation): Learned {
  try {
    return JSON.parse(localStorage.getItem(placeOf(operation)) ?? '{}') as Learned;
  } catch {
    return {};
  }
}

/** Keeps what a finished run teaches. */
export function remember(run: RunState): void {
  const learned = { ...recall(run.operation), ...learnFrom(run) };
  localStorage.setItem(placeOf(run.operation), JSON.stringify(learned));
}
