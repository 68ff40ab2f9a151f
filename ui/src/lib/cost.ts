/** Money by the hour: sums over the lines of a bill, how dollars read, and what a stack has cost so far. */
import type { Cost } from '../protocol/Cost';
import type { RunSummary } from '../protocol/RunSummary';

const HOUR_MS = 3_600_000;
export const HOURS_A_DAY = 24;
/** As AWS counts them. */
export const HOURS_A_MONTH = 730;

/** Dollars an hour while everything runs. */
export const hourly = (cost: Cost): number => cost.lines.reduce((sum, line) => sum + line.hourly, 0);

/** Dollars an hour while the hosts are stopped. */
export const hourlyStopped = (cost: Cost): number =>
  cost.lines.reduce((sum, line) => sum + (line.when_stopped ? line.hourly : 0), 0);

const CENTS = new Intl.NumberFormat('en-US', { style: 'currency', currency: 'USD' });
const WHOLE = new Intl.NumberFormat('en-US', {
  style: 'currency',
  currency: 'USD',
  maximumFractionDigits: 0,
});
const FINE = new Intl.NumberFormat('en-US', {
  style: 'currency',
  currency: 'USD',
  minimumFractionDigits: 4,
  maximumFractionDigits: 4,
});

/** `$0.31`, `$226`: cents below a hundred dollars, none above; `< $0.01` for what is less than a cent. */
export function dollars(value: number): string {
  if (value > 0 && value < 0.005) return '< $0.01';
  return value < 99.995 ? CENTS.format(value) : WHOLE.format(value);
}

/** `$0.0480`: as a price list writes it. */
export const fineDollars = (value: number): string => FINE.format(value);

export interface Spell {
  /** When its first resource may have been made, in milliseconds. */
  since: number;
  /** When its hosts are stopped, in milliseconds; `null` if never. */
  stops: number | null;
}

/** The time a stack costs money, as its runs tell it; `null` if none of them made anything. */
export function spellOf(history: readonly RunSummary[], lifetimeHours: number): Spell | null {
  const first = history.findLast((run) => run.operation === 'up');
  if (!first) return null;
  // The end is settled by the first plan, so that every later plan says the same.
  const settled = history.findLast((run) => run.operation === 'plan') ?? first;
  const stops = Date.parse(settled.started_at) + lifetimeHours * HOUR_MS;
  return { since: Date.parse(first.started_at), stops: lifetimeHours > 0 ? stops : null };
}

/** Dollars from `since` to `now`, by list prices; what is stopped costs less. */
export function costSoFar(cost: Cost, { since, stops }: Spell, now: number): number {
  const stopped = stops === null ? 0 : Math.max(0, now - Math.max(stops, since));
  const ran = Math.max(0, now - since - stopped);
  return (hourly(cost) * ran + hourlyStopped(cost) * stopped) / HOUR_MS;
}
