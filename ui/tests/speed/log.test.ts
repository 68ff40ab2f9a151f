/**
 * How smooth the page stays where it has most to do. It is a benchmark, `benchmarks/frames/run`: what else the machine does
 * decides over it too, so it is no part of the tests.
 */
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { browsing } from '../browser/browser';
import { heapAfterCollection, longestOf, longestTask, median, watchFrames, type Frames } from './frames';

const ROUNDS = Number(process.env.RETAILFLOW_BENCH_ROUNDS ?? 1);
const SECONDS = Number(process.env.RETAILFLOW_BENCH_SECONDS ?? 3);
/** The longest frame, in milliseconds, in the middle one of the rounds. */
const LONGEST_FRAME = 50;
/** The most that a task of the page may take, in milliseconds of the processor's time. */
const LONGEST_TASK = 50;
/** What a page may hold more, in MB, after lines have arrived for as long as that. */
const MORE_HEAP = 4;
const RATE = 50_000;

const open = browsing();

function report(what: string, figures: object): void {
  process.stdout.write(`${what}: ${JSON.stringify(figures)}\n`);
}

test.each([200_000, 1_000_000])('scrolling through a log of %d lines', async (lines) => {
  const { page, complaints, close } = await open(`speed=20&lines=${lines}`);
  await page.getByTestId('create-stack').click();
  await page.getByTestId('continue').click();
  await page.getByTestId('start-run').click();
  await page.getByTestId('run-done').waitFor({ state: 'attached' });
  const { done, task } = await longestTask(page, () => watchFrames(page, 3000, true));
  report(`scroll through ${lines} lines, ms a frame`, { ...done, task });
  expect(task, "longest task, ms of the processor's time").toBeLessThanOrEqual(LONGEST_TASK);
  expect(complaints).toEqual([]);
  await close();
});

async function openLog(burst: number) {
  const opened = await open(`scenario=up&burst=${burst}`);
  await opened.page.getByTestId('stack-demo').click();
  await opened.page.getByRole('button', { name: 'Log of Shop' }).click();
  await opened.page.getByTestId('log-lines').waitFor();
  return opened;
}

const total = async (page: Page) => Number(await page.getByTestId('log-lines').getAttribute('data-total'));

/** The frames of several rounds, and the heap before and after them. */
async function follow(burst: number, prepare: (page: Page) => Promise<void>) {
  const { page, complaints, close } = await openLog(burst);
  await prepare(page);
  await watchFrames(page, 1000);
  const [before, from] = [await heapAfterCollection(page), await total(page)];
  const rounds: (Frames & { task: number })[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const { done, task } = await longestTask(page, () => watchFrames(page, SECONDS * 1000));
    rounds.push({ ...done, task: Math.round(task * 10) / 10 });
  }
  const arrived = (await total(page)) - from;
  const heap = (await heapAfterCollection(page)) - before;
  expect(complaints).toEqual([]);
  await close();
  return { rounds, arrived, heap: Math.round(heap * 10) / 10 };
}

async function onlyWarnings(page: Page): Promise<void> {
  await page.getByTestId('log-level').selectOption('warn');
  await page.getByTestId('log-search').fill('checkpoint');
  await page.getByTestId('log-only').check();
}

const CASES = {
  'nothing arrives': { burst: 0, prepare: () => Promise.resolve(), passing: 0 },
  'all lines are followed': { burst: RATE, prepare: () => Promise.resolve(), passing: 1 },
  'warnings with a text are followed': { burst: RATE, prepare: onlyWarnings, passing: 1 / 89 },
};

test.each(Object.entries(CASES))(
  `${RATE} lines a second arrive: %s`,
  { timeout: 30_000 + 2 * ROUNDS * SECONDS * 1000 },
  async (what, { burst, prepare, passing }) => {
    const { rounds, arrived, heap } = await follow(burst, prepare);
    const longest = median(rounds.map((round) => round.longest));
    const task = median(rounds.map((round) => round.task));
    report(what, {
      'longest frame, ms': { 'in each round': rounds.map((round) => round.longest), median: longest },
      "longest task, ms of the processor's time": {
        'in each round': rounds.map((round) => round.task),
        median: task,
      },
      'frames, ms': longestOf(rounds),
      'lines arrived': arrived,
      'heap grown, MB': heap,
    });
    expect(arrived).toBeGreaterThanOrEqual(0.5 * burst * SECONDS * ROUNDS * passing);
    expect(task, "longest task, ms of the processor's time").toBeLessThanOrEqual(LONGEST_TASK);
    const late = burst
      ? 'longest frame, ms'
      : 'other programs delay frames, so these say nothing of the page';
    // Frames are some tenths off the screen's beat.
    expect(Math.round(longest), late).toBeLessThanOrEqual(LONGEST_FRAME);
    expect(heap, 'MB more in the heap').toBeLessThan(MORE_HEAP);
  },
);
