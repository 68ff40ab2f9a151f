/** What settings lead to, before anything is made; and how long a run still takes. */
import type { RunState } from '../protocol/RunState';
import type { SandboxConfig } from '../protocol/SandboxConfig';
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

/** Orders, rows and disk of a sandbox with these settings, when it is up and for each day after. */
export function consequenceOf(config: SandboxConfig): Consequence {
  const perDay = config.orders_per_minute * 1440;
  const orders = Math.round(perDay * config.backfill_days);
  const rows = Math.round(orders * ROWS_PER_ORDER);
  return {
    orders,
    rows,
    bytes: BASE_BYTES + rows * BYTES_PER_ROW,
    bytesPerDay: perDay * ROWS_PER_ORDER * BYTES_PER_ROW,
  };
}

/** Seconds each step took before, by step. */
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

const STORED = 'retailflow.step-seconds';

/** What this computer taught so far. */
export function recall(): Learned {
  try {
    return JSON.parse(localStorage.getItem(STORED) ?? '{}') as Learned;
  } catch {
    return {};
  }
}

export function remember(learned: Learned): void {
  localStorage.setItem(STORED, JSON.stringify({ ...recall(), ...learned }));
}
