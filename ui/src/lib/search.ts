/**
 * Finds the next match of a search, and where it stands in the lines on show, by asking for single lines only.
 *
 * Matches and shown lines are both sorted by line number, so both are found by bisection: some twenty questions in a log
 * of a million lines, and nothing is held here.
 */
import type { LogFilter } from '../protocol/LogFilter';
import type { LogWindow } from '../protocol/LogWindow';

export type Ask = (filter: LogFilter, from: number, count: number) => Promise<LogWindow>;

/** Repeats a question until the answer holds for the whole log, or the signal says that nobody waits for it. */
export async function whenComplete(ask: () => Promise<LogWindow>, signal?: AbortSignal): Promise<LogWindow> {
  for (;;) {
    const window = await ask();
    signal?.throwIfAborted();
    if (window.complete) return window;
  }
}

export interface Match {
  /** Which of the matches it is, from 0. */
  ordinal: number;
  /** How many there are. */
  matches: number;
  /** The line's number in the file. */
  number: number;
  /** Its index among the lines on show. */
  index: number;
}

/** The first match after (or the last before) line `from`, going round at the ends; `null` if there is none. */
export async function findMatch(
  ask: Ask,
  shown: LogFilter,
  query: string,
  from: number,
  forward: boolean,
): Promise<Match | null> {
  const filter = { ...shown, query };
  const { total: matches } = await ask(filter, 0, 1);
  if (matches === 0) return null;
  const after = await lowerBound(ask, filter, matches, forward ? from + 1 : from);
  const ordinal = forward ? after % matches : (after - 1 + matches) % matches;
  const number = (await numberAt(ask, filter, ordinal)) ?? 0;
  return { ordinal, matches, number, index: await indexOf(ask, shown, number) };
}

/** The index of a line among those that pass a filter. */
export async function indexOf(ask: Ask, shown: LogFilter, number: number): Promise<number> {
  if (!shown.query && !shown.origin && !shown.level) return number;
  const { total } = await ask(shown, 0, 1);
  return lowerBound(ask, shown, total, number);
}

/** How many passing lines have a number below `number`. */
async function lowerBound(ask: Ask, filter: LogFilter, total: number, number: number): Promise<number> {
  let low = 0;
  let high = total;
  while (low < high) {
    const middle = (low + high) >> 1;
    const at = await numberAt(ask, filter, middle);
    if (at !== undefined && at < number) low = middle + 1;
    else high = middle;
  }
  return low;
}

async function numberAt(ask: Ask, filter: LogFilter, index: number): Promise<number | undefined> {
  return (await ask(filter, index, 1)).lines[0]?.number;
}

/** Cuts text at each occurrence of a query, case ignored. */
export function cut(text: string, query: string): { text: string; hit: boolean }[] {
  if (!query) return [{ text, hit: false }];
  const parts: { text: string; hit: boolean }[] = [];
  const [hay, needle] = [text.toLowerCase(), query.toLowerCase()];
  let from = 0;
  for (let at = hay.indexOf(needle); at >= 0; at = hay.indexOf(needle, from)) {
    if (at > from) parts.push({ text: text.slice(from, at), hit: false });
    parts.push({ text: text.slice(at, at + needle.length), hit: true });
    from = at + needle.length;
  }
  if (from < text.length) parts.push({ text: text.slice(from), hit: false });
  return parts;
}
