/** The system's Chromium, and pages of the built app on the fake host. */
import { existsSync } from 'node:fs';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect } from 'vitest';
import { accessible } from './accessible';
import { BUILT } from './build';
import { serve, type Served } from './serve';

async function launch(): Promise<Browser> {
  const path = process.env.CHROMIUM ?? '/usr/bin/chromium';
  if (!existsSync(path)) {
    throw new Error(
      `There is no Chromium at ${path}. Install it (Debian: apt install chromium) or set CHROMIUM to its path.`,
    );
  }
  // As root, as in most containers, Chromium refuses to run with its sandbox.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  return chromium.launch({ executablePath: path, args });
}

/** Opens the page, as often as the tests of a file ask, in one browser. */
export function browsing() {
  let browser: Browser;
  let served: Served;
  beforeAll(async () => {
    [browser, served] = await Promise.all([launch(), serve(BUILT)]);
  });
  afterAll(async () => {
    await browser?.close();
    await served?.close();
  });
  return (query: string, options?: BrowserContextOptions) => open(browser, served.url, query, options);
}

export interface Opened {
  page: Page;
  /** Console errors and warnings, uncaught exceptions and refusals of the content security policy. */
  complaints: string[];
  close(): Promise<void>;
}

async function open(
  browser: Browser,
  url: string,
  query: string,
  options: BrowserContextOptions = {},
): Promise<Opened> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(`${url}?host=fake&${query}`);
  return { page, complaints, close: () => context.close() };
}

/** The smallest window that everything is readable in. */
export const SMALL = { viewport: { width: 1024, height: 700 } };

/** What holds for every page, whatever is on it. */
export async function looks(page: Page): Promise<void> {
  await fits(page);
  await accessible(page);
}

/** No page is ever wider than its window. */
async function fits(page: Page): Promise<void> {
  const over = await page.evaluate(() => {
    const main = document.querySelector('main');
    return Math.max(document.documentElement.scrollWidth, main?.scrollWidth ?? 0) - innerWidth;
  });
  expect(over, 'pixels beyond the window').toBeLessThanOrEqual(0);
}
