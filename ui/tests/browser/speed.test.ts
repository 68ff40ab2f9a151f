/** How smooth the page stays where it has most to do. Figures are printed; limits are generous, for shared machines. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launch, open } from './browser';
import { BUILT } from './build';
import { serve, type Served } from './serve';

let browser: Browser;
let served: Served;
beforeAll(async () => {
  [browser, served] = await Promise.all([launch(), serve(BUILT)]);
});
afterAll(async () => {
  await browser?.close();
  await served?.close();
});

interface Frames {
  frames: number;
  median: number;
  p95: number;
  longest: number;
}

/** Frame times in milliseconds while `each` (an expression of `element` and `frame`) is done once a frame. */
async function frames(page: Page, count: number, move: 'scroll' | 'wait'): Promise<Frames> {
  return page.evaluate(
    async ({ count, move }) => {
      const element = document.querySelector<HTMLElement>('[data-testid=log-lines]');
      const nextFrame = () => new Promise<number>((resolve) => requestAnimationFrame(resolve));
      const times: number[] = [];
      let former = await nextFrame();
      for (let frame = 0; frame < count; frame += 1) {
        if (move === 'scroll' && element) element.scrollTop = (frame / count) * element.scrollHeight;
        const now = await nextFrame();
        times.push(now - former);
        former = now;
      }
      times.sort((a, b) => a - b);
      const at = (part: number) => Math.round((times[Math.floor(part * (times.length - 1))] ?? 0) * 10) / 10;
      return { frames: times.length, median: at(0.5), p95: at(0.95), longest: at(1) };
    },
    { count, move },
  );
}

function report(what: string, figures: object): void {
  process.stdout.write(`${what}: ${JSON.stringify(figures)}\n`);
}

test.each([200_000, 1_000_000])('scrolling through a log of %d lines', async (lines) => {
  const { page, complaints, close } = await open(browser, served.url, `speed=20&lines=${lines}`);
  await page.getByTestId('create-stack').click();
  await page.getByTestId('continue').click();
  await page.getByTestId('start-run').click();
  await page.getByTestId('run-done').waitFor({ state: 'attached' });
  const figures = await frames(page, 180, 'scroll');
  report(`scroll through ${lines} lines, ms a frame`, figures);
  expect(figures.median).toBeLessThan(34);
  expect(figures.p95).toBeLessThan(100);
  // The very first and last lines can be reached, also where the scroll space is scaled.
  await page.getByTestId('log-lines').focus();
  await page.keyboard.press('Home');
  await page.waitForFunction(() =>
    document.querySelector('[data-testid=log-lines]')?.textContent?.includes('copied 1000 rows'),
  );
  await page.keyboard.press('End');
  await page.getByText('OK Charts').waitFor();
  expect(complaints).toEqual([]);
  await close();
});

test('50,000 lines a second arrive', async () => {
  const { page, complaints, close } = await open(browser, served.url, 'scenario=up&burst=50000');
  await page.getByTestId('stack-demo').click();
  await page.getByRole('button', { name: 'Log of Shop' }).click();
  await page.getByTestId('log-lines').waitFor();
  const before = Number(await page.getByTestId('log-lines').getAttribute('data-total'));
  const figures = await frames(page, 180, 'wait');
  const after = Number(await page.getByTestId('log-lines').getAttribute('data-total'));
  report('following 50,000 lines a second, ms a frame', { ...figures, arrived: after - before });
  expect(after - before).toBeGreaterThan(20_000);
  expect(figures.median).toBeLessThan(34);
  expect(figures.p95).toBeLessThan(100);
  expect(await page.locator('[data-testid=log-lines] .row').count()).toBeLessThan(80);
  expect(complaints).toEqual([]);
  await close();
});
