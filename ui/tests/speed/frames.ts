/** Measuring a page from inside: its frames, its long tasks, its heap. Times in milliseconds. */
import type { Page } from 'playwright-core';

export interface Frames {
  frames: number;
  median: number;
  p95: number;
  longest: number;
  /** Tasks of more than 50 ms that the browser complained of. */
  longTasks: number;
}

/** Watches frames for a while, and scrolls the log from its start to its end meanwhile if asked to. */
export async function watchFrames(page: Page, forMs: number, scroll = false): Promise<Frames> {
  return page.evaluate(
    async ({ forMs, scroll }) => {
      const element = document.querySelector<HTMLElement>('[data-testid=log-lines]');
      const nextFrame = () => new Promise<number>((resolve) => requestAnimationFrame(resolve));
      let longTasks = 0;
      const observer = new PerformanceObserver((list) => (longTasks += list.getEntries().length));
      observer.observe({ type: 'longtask' });
      const times: number[] = [];
      const begun = await nextFrame();
      for (let former = begun; former - begun < forMs;) {
        if (scroll && element) element.scrollTop = ((former - begun) / forMs) * element.scrollHeight;
        const now = await nextFrame();
        times.push(now - former);
        former = now;
      }
      observer.disconnect();
      times.sort((a, b) => a - b);
      const at = (part: number) => Math.round((times[Math.floor(part * (times.length - 1))] ?? 0) * 10) / 10;
      return { frames: times.length, median: at(0.5), p95: at(0.95), longest: at(1), longTasks };
    },
    { forMs, scroll },
  );
}

interface TraceEvent {
  name: string;
  pid: number;
  tid: number;
  /** Microseconds of the processor's time. */
  tdur?: number;
  args: { name?: string };
}

/**
 * The longest task of the page's main thread while `work` goes on, in the processor's time: what the page itself takes
 * of a frame, however busy other programs keep the machine.
 */
export async function longestTask<T>(page: Page, work: () => Promise<T>): Promise<{ done: T; task: number }> {
  const browser = page.context().browser();
  if (!browser) throw new Error('The page belongs to no browser');
  await browser.startTracing(page, { categories: ['toplevel'] });
  const done = await work();
  const trace = JSON.parse((await browser.stopTracing()).toString()) as { traceEvents: TraceEvent[] };
  const threadOf = ({ pid, tid }: TraceEvent) => `${pid}/${tid}`;
  const named = trace.traceEvents.filter(({ name }) => name === 'thread_name');
  const main = new Set(named.filter(({ args }) => args.name === 'CrRendererMain').map(threadOf));
  const tasks = trace.traceEvents.filter(
    (event) => event.name.endsWith('RunTask') && main.has(threadOf(event)),
  );
  if (tasks.length === 0) throw new Error('The browser traced no task of the page');
  return { done, task: Math.max(...tasks.map(({ tdur }) => tdur ?? 0)) / 1000 };
}

/** What the page's objects take, in MB, once what nobody needs is gone. */
export async function heapAfterCollection(page: Page): Promise<number> {
  const session = await page.context().newCDPSession(page);
  await session.send('HeapProfiler.collectGarbage');
  const { usedSize } = await session.send('Runtime.getHeapUsage');
  await session.detach();
  return usedSize / 1e6;
}

export function median(figures: number[]): number {
  return [...figures].sort((a, b) => a - b)[Math.floor(figures.length / 2)] ?? NaN;
}

/** The worst of several rounds, figure by figure. */
export function longestOf(rounds: Frames[]): Frames {
  const worst = (figure: keyof Frames) => Math.max(...rounds.map((round) => round[figure]));
  return {
    frames: rounds.reduce((sum, round) => sum + round.frames, 0),
    median: worst('median'),
    p95: worst('p95'),
    longest: worst('longest'),
    longTasks: worst('longTasks'),
  };
}
