import { describe, expect, test } from 'vitest';
import { browsing, looks, SMALL } from './browser';

const open = browsing();

test.each(['light', 'dark'] as const)(
  'from the first stack to the proof that it is gone, %s',
  async (colorScheme) => {
    const { page, complaints, close } = await open('speed=4', {
      colorScheme,
      ...SMALL,
    });
    const at = (id: string) => page.getByTestId(id);
    await at('stack-name').waitFor();
    await looks(page);
    await at('create-stack').click();
    await page.locator('[data-testid=continue]:enabled').waitFor();
    await looks(page);
    await at('continue').click();
    await page.locator('[data-testid=start-run]:enabled').waitFor();
    await looks(page);
    await at('start-run').click();
    await at('run-done').waitFor({ state: 'attached' });
    for (const step of await page.locator('[data-testid^=step-]').all()) {
      expect(await step.getAttribute('data-status')).toBe('done');
    }
    await at('open-dashboard').click();
    await page.locator('[data-testid=chart-throughput]:not([data-points="0"])').waitFor();
    await page.getByText(/The newest order in the charts is/).waitFor();
    await looks(page);
    await at('refresh-now').click();
    await page.getByTestId('pipeline-run').nth(1).waitFor();
    await page.getByRole('button', { name: 'Log of PostgreSQL' }).click();
    await page.locator('[data-testid=log-lines][data-total="4000"]').waitFor();
    await looks(page);
    await at('close-sheet').click();
    await at('teardown').click();
    await page.getByText(/Stop PostgreSQL and delete its data/).waitFor();
    await looks(page);
    await at('confirm-teardown').click();
    await at('proof-holds').waitFor();
    await looks(page);

    expect(complaints).toEqual([]);
    await close();
  },
);

test.each(['light', 'dark'] as const)('runs under way fit and are accessible, %s', async (colorScheme) => {
  const { page, complaints, close } = await open('speed=4&hold=history', {
    colorScheme,
    ...SMALL,
  });
  await page.getByTestId('create-stack').click();
  await page.getByTestId('continue').click();
  await page.getByTestId('start-run').click();
  await page.locator('[data-testid=step-history][data-status=running]').waitFor();
  await looks(page);
  expect(complaints).toEqual([]);
  await close();
});

test('a refresh under way is said, and keeps the stack from being taken down', async () => {
  const { page, complaints, close } = await open('scenario=up&hold=refresh');
  await page.getByTestId('stack-demo').click();
  await page.getByTestId('refresh-now').click();
  await page
    .getByTestId('freshness')
    .getByText(/Refreshing: \w/)
    .waitFor();
  expect(await page.getByTestId('teardown').isDisabled()).toBe(true);
  await looks(page);
  expect(complaints).toEqual([]);
  await close();
});

test('a failed run tells why and resumes', async () => {
  const { page, complaints, close } = await open('speed=6&scenario=failure');
  await page.getByTestId('create-stack').click();
  await page.getByTestId('continue').click();
  await page.getByTestId('start-run').click();
  await page.getByTestId('failure').getByText('No space left on device').waitFor();
  await looks(page);
  await page.getByTestId('resume').click();
  await page.getByTestId('run-done').waitFor({ state: 'attached' });
  expect(complaints).toEqual([]);
  await close();
});

test.each(['stacks', 'empty', 'unhealthy', 'long'])(
  'the “%s” state fits and is accessible',
  async (scenario) => {
    const { page, complaints, close } = await open(`scenario=${scenario}`, {
      ...SMALL,
    });
    await page.locator('[data-testid^=stack-]').first().waitFor();
    await looks(page);
    if (scenario !== 'stacks') {
      await page.locator('button[data-testid^=stack-]').first().click();
      await page.getByTestId('kpi-net-revenue').waitFor();
      await looks(page);
    }
    expect(complaints).toEqual([]);
    await close();
  },
);

describe('the content security policy', () => {
  test('holds: an inline script does not run, an inline style does not apply', async () => {
    const { page, close } = await open('');
    const broken = await page.evaluate(() => {
      const script = document.createElement('script');
      script.textContent = 'window.injected = true';
      document.body.append(script);
      const box = document.createElement('div');
      box.innerHTML = '<p style="width: 7px">x</p>';
      document.body.append(box);
      return { ran: 'injected' in window, width: box.firstElementChild?.clientWidth };
    });
    expect(broken.ran).toBe(false);
    expect(broken.width).not.toBe(7);
    await close();
  });
});

test('works by keyboard alone', async () => {
  const { page, close } = await open('speed=6');
  await page.getByTestId('stack-name').focus();
  await page.keyboard.press('Enter');
  await page.locator('[data-testid=continue]:enabled').focus();
  await page.keyboard.press('Enter');
  await page.locator('[data-testid=start-run]:enabled').focus();
  await page.keyboard.press('Enter');
  await page.getByTestId('run-done').waitFor({ state: 'attached' });
  await page.keyboard.press('/');
  await page.keyboard.type('OK');
  await page.keyboard.press('Enter');
  await page.getByTestId('log-matches').waitFor();
  expect(await page.getByTestId('log-matches').textContent()).toMatch(/^\s*\d+ of \d+\s*$/);
  expect(await page.locator('mark').count()).toBeGreaterThan(0);
  await close();
});
