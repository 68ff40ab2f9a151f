/** How far the shop is behind the clock, reckoned as `lag` in `crates/protocol/src/shop.rs` does. */
import type { Snapshot } from '../protocol/Snapshot';
import type { TickSample } from '../protocol/TickSample';

export interface Lag {
  /** The time whose orders are yet to come, in milliseconds. */
  behind: number;
  /** How long it takes to catch up at the pace of its latest ticks, in milliseconds; `null` if it does not. */
  toGo: number | null;
}

/** Less is nothing to speak of, in milliseconds. */
const KEEPS_UP = 60_000;
/** Ticks whose pace counts. */
const PACE = 20;

/** How far the shop that wrote these ticks is behind; `null` if it keeps up or nobody can say. */
export function lag(throughput: readonly TickSample[], now: number): Lag | null {
  const ticks = throughput.slice(-PACE);
  const [first, before, last] = [ticks[0], ticks.at(-2), ticks.at(-1)];
  if (!first?.until || !before?.until || !last?.until) return null;
  const until = Date.parse(last.until);
  const behind = now - until;
  if (behind <= KEEPS_UP + 2 * (until - Date.parse(before.until))) return null;
  const took = Date.parse(last.at) - Date.parse(first.at);
  const caughtUp = until - Date.parse(first.until) - took;
  const atWork = now - Date.parse(last.at) < KEEPS_UP;
  return { behind, toGo: atWork && caughtUp > 0 ? (behind * took) / caughtUp : null };
}

/** The same of a stack; `null` while its shop is closed, which others tell. */
export function lagOf({ services, throughput }: Snapshot, now: number): Lag | null {
  const open = services.some(
    ({ name, pid, health }) =>
      name === 'generator' && (pid !== null || health === 'healthy' || health === 'starting'),
  );
  return open ? lag(throughput, now) : null;
}
