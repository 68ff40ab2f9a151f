/** Log lines as plain text, for the clipboard. */
import { clock } from './format';
import type { LogLine } from '../protocol/LogLine';
import type { LogWindow } from '../protocol/LogWindow';

/** The most lines that are copied at once: more would freeze most editors they are pasted into. */
export const MAX_COPIED = 50_000;
const STEP = 2000;

export function lineText({ at, level, origin, spans }: LogLine): string {
  const text = spans.map((span) => span.text).join('');
  return [at ? clock(at) : '', level.toUpperCase().padEnd(5), origin, text].filter(Boolean).join(' ');
}

/** The last `MAX_COPIED` lines that pass, read window by window. */
export async function allText(load: (from: number, count: number) => Promise<LogWindow>): Promise<string> {
  const { total } = await load(0, 1);
  const parts: string[] = [];
  for (let from = Math.max(0, total - MAX_COPIED); from < total; from += STEP) {
    const { lines } = await load(from, Math.min(STEP, total - from));
    parts.push(...lines.map(lineText));
  }
  return parts.join('\n');
}
