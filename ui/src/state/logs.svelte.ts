/** The few windows of a log that are on show. The log itself stays where it is. */
import type { LogLine } from '../protocol/LogLine';
import type { LogWindow } from '../protocol/LogWindow';

/** Lines asked for at once. */
export const CHUNK = 200;
/** Windows kept: what is scrolled past longer ago is asked for again. */
export const MAX_CHUNKS = 12;

/** Asks for lines; a `from` beyond the end gives the last ones. */
export type Load = (from: number, count: number) => Promise<LogWindow>;

export class LogWindows {
  total = $state(0);
  /** Grows whenever lines arrive, so that whoever shows them looks again. */
  version = $state(0);
  /** Whether anything was ever answered that holds for the whole log. */
  answered = $state(false);
  /** Lines found so far, while the engine is still looking through a long log; otherwise `null`. */
  reading = $state<number | null>(null);
  failed = $state.raw<unknown>(null);

  #chunks = new Map<number, LogLine[]>();
  #asked = new Set<number>();
  #end: LogWindow | null = null;
  #endAsked = false;
  #endAgain = 0;
  #closed = false;

  constructor(private readonly load: Load) {}

  /** A line, if it is at hand. */
  at(index: number): LogLine | undefined {
    const chunk = this.#chunks.get(Math.floor(index / CHUNK));
    return chunk?.[index % CHUNK] ?? this.#end?.lines[index - this.#end.from];
  }

  /** Asks no more: nobody looks at these windows any longer. A search that is under way ends with that. */
  close(): void {
    this.#closed = true;
  }

  /** How many windows are held. */
  get held(): number {
    return this.#chunks.size;
  }

  /** Asks for what is missing of `count` lines from `first`. */
  async show(first: number, count: number): Promise<void> {
    const from = Math.max(0, Math.floor(first / CHUNK));
    const to = Math.floor((first + count) / CHUNK);
    const wanted = Array.from({ length: to - from + 1 }, (_, index) => from + index);
    await Promise.all(wanted.filter((chunk) => !this.#has(chunk)).map((chunk) => this.#fetch(chunk)));
  }

  /** Asks for the last lines, and how many there are by now. Calls while an answer is due lead to one more question. */
  async showEnd(count: number): Promise<void> {
    this.#endAgain = Math.max(1, count);
    if (this.#endAsked) return;
    this.#endAsked = true;
    while (this.#endAgain > 0 && !this.#closed) {
      const wanted = this.#endAgain;
      this.#endAgain = 0;
      await this.#guard(async () => {
        const end = await this.load(Number.MAX_SAFE_INTEGER, wanted);
        this.reading = end.complete ? null : end.total;
        // The end of what was looked through so far is somewhere in the middle: nothing to show.
        if (!end.complete) return void (this.#endAgain ||= wanted);
        this.#end = end;
        this.total = end.total;
      });
    }
    this.#endAsked = false;
  }

  #has(chunk: number): boolean {
    if (this.#asked.has(chunk) || chunk * CHUNK >= Math.max(1, this.total)) return true;
    const expected = Math.min(CHUNK, this.total - chunk * CHUNK);
    return (this.#chunks.get(chunk)?.length ?? 0) >= expected && this.answered;
  }

  async #fetch(chunk: number): Promise<void> {
    this.#asked.add(chunk);
    await this.#guard(async () => {
      const window = await this.load(chunk * CHUNK, CHUNK);
      // A log that shrank (rotated, removed) answers with other lines than were asked for.
      const lines =
        window.from === chunk * CHUNK ? window.lines : window.lines.slice(chunk * CHUNK - window.from);
      this.#chunks.delete(chunk);
      this.#chunks.set(chunk, lines);
      this.total = Math.max(window.total, this.#end?.total ?? 0);
      for (const oldest of this.#chunks.keys()) {
        if (this.#chunks.size <= MAX_CHUNKS) break;
        this.#chunks.delete(oldest);
      }
    });
    this.#asked.delete(chunk);
  }

  async #guard(work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.failed = null;
    } catch (thrown) {
      this.failed = thrown;
      this.reading = null;
    }
    this.answered ||= this.reading === null;
    this.version += 1;
  }
}
