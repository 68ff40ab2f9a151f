/** The fake host's logs. A log may have a procedural head of any length, so that a huge one costs no memory. */
import type { Level } from '../../protocol/Level';
import type { LogFilter } from '../../protocol/LogFilter';
import type { LogLine } from '../../protocol/LogLine';
import type { LogWindow } from '../../protocol/LogWindow';
import type { LogWindowRequest } from '../../protocol/LogWindowRequest';

const LEVELS: Level[] = ['debug', 'info', 'warn', 'error'];
const TABLES = ['customers', 'products', 'orders', 'order_items'];
const MAX_WINDOW = 2000;

export class FakeLog {
  #tail: LogLine[] = [];
  #passing = new Map<string, { upTo: number; indices: number[] }>();

  constructor(
    public headLines = 0,
    private readonly origins: readonly string[] = ['history'],
    private readonly start = Date.now(),
  ) {}

  get length(): number {
    return this.headLines + this.#tail.length;
  }

  append(origin: string, level: Level, text: string, at: number): void {
    const line = {
      number: this.length,
      at: new Date(at).toISOString(),
      level,
      origin,
      spans: paint(text, level),
    };
    this.#tail.push(line);
  }

  window({ filter, from, count }: LogWindowRequest): LogWindow {
    const indices = this.#indices(filter);
    const total = indices ? indices.length : this.length;
    const size = Math.min(count, MAX_WINDOW, total);
    const first = Math.max(0, Math.min(from, total - size));
    const lines = Array.from({ length: size }, (_, k) =>
      this.#line(indices ? (indices[first + k] ?? 0) : first + k),
    );
    return { total, from: first, lines, complete: true };
  }

  /** The numbers of the passing lines; `null` if all pass. What was scanned once is not scanned again. */
  #indices(filter: LogFilter): number[] | null {
    if (!filter.query && !filter.origin && !filter.level) return null;
    const key = JSON.stringify(filter);
    const known = this.#passing.get(key) ?? { upTo: 0, indices: [] };
    const query = filter.query.toLowerCase();
    const least = filter.level ? LEVELS.indexOf(filter.level) : 0;
    for (; known.upTo < this.length; known.upTo += 1) {
      const { level, origin } = this.#stamp(known.upTo);
      const passes =
        (!filter.origin || origin === filter.origin) &&
        LEVELS.indexOf(level) >= least &&
        (!query || textOf(this.#line(known.upTo)).toLowerCase().includes(query));
      if (passes) known.indices.push(known.upTo);
    }
    this.#passing.set(key, known);
    return known.indices;
  }

  #line(number: number): LogLine {
    return number < this.headLines
      ? this.#headLine(number)
      : (this.#tail[number - this.headLines] as LogLine);
  }

  /** What a filter asks of a line before its text; most lines need not be made for that. */
  #stamp(number: number): { level: Level; origin: string } {
    if (number >= this.headLines) return this.#line(number);
    const level =
      number % 997 === 996 ? 'error' : number % 89 === 88 ? 'warn' : number % 7 === 6 ? 'debug' : 'info';
    return { level, origin: this.origins[Math.floor(number / 13) % this.origins.length] ?? '' };
  }

  #headLine(number: number): LogLine {
    const { level, origin } = this.#stamp(number);
    const table = TABLES[number % TABLES.length];
    const text =
      level === 'error'
        ? `could not obtain lock on row in "${table}", retrying (attempt ${1 + (number % 3)})`
        : level === 'warn'
          ? `checkpoint of ${table} took ${200 + (number % 700)} ms, longer than planned`
          : `copied ${1000 + ((number * 37) % 9000)} rows into production.${table} in ${2 + (number % 40)} ms`;
    const at = new Date(this.start + number * 3).toISOString();
    return { number, at, level, origin, spans: paint(text, level) };
  }
}

export function textOf(line: LogLine): string {
  return line.spans.map((span) => span.text).join('');
}

/** Paints as the engine does with ANSI colours: what failed red, what warns yellow, a leading OK green. */
function paint(text: string, level: Level): LogLine['spans'] {
  if (level === 'error') return [{ text: 'ERROR ', color: 1, bold: true }, { text }];
  if (level === 'warn') return [{ text: 'WARN ', color: 3 }, { text }];
  const ok = /^(.*?)(OK|PASS)(.*)$/.exec(text);
  return ok
    ? [{ text: ok[1] ?? '' }, { text: ok[2] ?? '', color: 2, bold: true }, { text: ok[3] ?? '' }]
    : [{ text }];
}
