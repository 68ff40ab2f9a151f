/** The log viewer in a browser, where a log is longer than a page could hold. */
import { expect, test } from 'vitest';
import { browsing } from './browser';

const open = browsing();

test.each([200_000, 1_000_000])('the first and the last of %d lines can be reached', async (lines) => {
  const { page, complaints, close } = await open(`speed=20&lines=${lines}`);
  await page.getByTestId('create-stack').click();
  await page.getByTestId('continue').click();
  await page.getByTestId('start-run').click();
  await page.getByTestId('run-done').waitFor({ state: 'attached' });
  // Also where the space to scroll in is scaled.
  await page.getByTestId('log-lines').focus();
  await page.keyboard.press('Home');
  await page.waitForFunction(() =>
    document.querySelector('[data-testid=log-lines]')?.textContent?.includes('copied 1000 rows'),
  );
  await page.keyboard.press('End');
  await page.getByText('Process for run exited').waitFor();
  expect(await page.locator('[data-testid=log-lines] .row').count(), 'rows in the page').toBeLessThan(80);
  expect(complaints).toEqual([]);
  await close();
});
