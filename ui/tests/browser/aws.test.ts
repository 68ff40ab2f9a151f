import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { browsing, looks, SMALL } from './browser';

const open = browsing();
const THEMES = ['light', 'dark'] as const;

/** From Welcome to the settings, looking at each page on the way. */
async function toSettings(page: Page, look: (page: Page) => Promise<void> = async () => undefined) {
  await page.locator('label:has([data-testid=target-aws])').click();
  await look(page);
  await page.getByTestId('to-credentials').click();
  await page.getByTestId('account-id').waitFor();
  await look(page);
  await page.getByTestId('to-check').click();
  await page.locator('[data-testid=continue]:enabled').waitFor();
  await look(page);
  await page.getByTestId('continue').click();
  await page.getByTestId('price-hour').waitFor();
  await look(page);
}

async function toReview(page: Page) {
  await toSettings(page);
  await page.getByTestId('create-plan').click();
  await page.getByTestId('confirm-review').waitFor();
}

describe.each(THEMES)('in AWS, %s', (colorScheme) => {
  test('from credentials to the proof that nothing is left', async () => {
    const { page, complaints, close } = await open('speed=6', { colorScheme, ...SMALL });
    const at = (id: string) => page.getByTestId(id);
    await toSettings(page, looks);
    await at('create-plan').click();
    await at('confirm-review').waitFor();
    expect(await at('untried').textContent(), 'said before it can be confirmed').toContain('real account');
    await looks(page);
    expect(await at('confirm-review').textContent()).toMatch(/^Create \d+ resources in 123456789012/);
    await at('purpose-network').locator('summary').click();
    await page.getByText('May receive: Airbyte reads PostgreSQL').waitFor();
    await looks(page);
    await at('confirm-review').click();
    await at('run-done').waitFor({ state: 'attached' });
    for (const step of await page.locator('[data-testid^=step-]').all()) {
      expect(['done', 'already_done']).toContain(await step.getAttribute('data-status'));
    }
    await looks(page);
    await at('open-dashboard').click();
    await page.locator('[data-testid=chart-throughput]:not([data-points="0"])').waitFor();
    await page.locator('[data-testid=tile-cost]:not(:text-is("–"))').waitFor();
    await looks(page);
    await at('teardown').click();
    await at('teardown-account').waitFor();
    await looks(page);
    await at('confirm-teardown').click();
    await at('proof-holds').waitFor();
    await at('proof-table').waitFor();
    await looks(page);
    expect(complaints).toEqual([]);
    await close();
  });

  test('a plan and a run under way', async () => {
    const query = 'speed=6&hold=foundation';
    const { page, complaints, close } = await open(query, { colorScheme, ...SMALL });
    await toReview(page);
    await page.getByTestId('confirm-review').click();
    await page.locator('[data-testid=step-foundation][data-status=running]').waitFor();
    await page.locator('[data-testid=step-image-dagster][data-status=done]').waitFor();
    expect(await page.getByTestId('longest-chain').textContent()).toContain('Network and hosts → Services');
    await looks(page);
    expect(complaints).toEqual([]);
    await close();
  });

  test.each([
    ['aws-denied', 'check-permissions'],
    ['aws-unsure', 'check-permissions'],
    ['aws-tools', 'fix-terraform'],
    ['aws-bare', 'failure'],
  ])('what is missing, as in “%s”', async (scenario, sign) => {
    const query = `speed=6&scenario=${scenario}`;
    const { page, complaints, close } = await open(query, { colorScheme, ...SMALL });
    await page.locator('label:has([data-testid=target-aws])').click();
    await page.getByTestId('to-credentials').click();
    if (scenario !== 'aws-bare') await page.getByTestId('to-check').click();
    await page.getByTestId(sign).first().waitFor();
    await looks(page);
    expect(complaints).toEqual([]);
    await close();
  });

  test.each([
    ['aws-other', 'stack-demo', 'check-other-account'],
    ['aws-unwell', 'stack-a-shop-in-frankfurt1', 'unwell'],
    ['aws-starting', 'stack-demo', 'tile-cost'],
    ['aws-stopped', 'stack-a-shop-in-frankfurt1', 'stopped'],
  ])('what is amiss in a stack that exists, as in “%s”', async (scenario, stack, sign) => {
    const query = `speed=6&scenario=${scenario}`;
    const { page, complaints, close } = await open(query, { colorScheme, ...SMALL });
    await page.getByTestId(stack).click();
    await page.getByTestId(sign).waitFor();
    await looks(page);
    expect(complaints).toEqual([]);
    await close();
  });

  test('drift is shown before it is mended', async () => {
    const query = 'speed=6&scenario=aws-drift';
    const { page, complaints, close } = await open(query, { colorScheme, ...SMALL });
    await page.getByTestId('stack-demo').click();
    await page.getByTestId('check-drift').click();
    await page.getByTestId('drift').waitFor();
    await looks(page);
    await page.getByTestId('confirm-review').click();
    await page.getByTestId('open-dashboard').click();
    await page.getByTestId('check-drift').waitFor();
    expect(complaints).toEqual([]);
    await close();
  });
});

test('an expired session and a typed key are dealt with on the spot', async () => {
  const { page, complaints, close } = await open('speed=6', SMALL);
  await page.locator('label:has([data-testid=target-aws])').click();
  await page.getByTestId('to-credentials').click();
  await page.getByTestId('profile-work').check();
  await page.getByTestId('command').getByText('aws sso login --profile work').waitFor();
  await looks(page);
  await page.getByTestId('access-key').check();
  await page.getByTestId('key-id').fill('AKIAIOSFODNN7EXAMPLE');
  await page.getByTestId('key-secret').fill('hush-hush-hush');
  await looks(page);
  await page.keyboard.press('Enter');
  await page.getByTestId('account-id').getByText('2109 8765 4321').waitFor();
  expect(await page.getByTestId('key-secret').inputValue()).toBe('');
  await looks(page);
  expect(complaints).toEqual([]);
  await close();
});

test('AWS has no room: the failure says what to do, and resuming ends well', async () => {
  const { page, complaints, close } = await open('speed=6&scenario=aws-failure', SMALL);
  await toReview(page);
  await page.getByTestId('confirm-review').click();
  await page.getByTestId('failure').getByText('InsufficientInstanceCapacity').waitFor();
  await looks(page);
  await page.getByTestId('resume').click();
  await page.getByTestId('run-done').waitFor({ state: 'attached' });
  expect(complaints).toEqual([]);
  await close();
});

test('what outlives a teardown is marked', async () => {
  const { page, close } = await open('speed=6&scenario=aws-left', SMALL);
  await page.getByTestId('stack-demo').click();
  await page.getByTestId('teardown').click();
  await page.getByTestId('confirm-teardown').click();
  await page.getByTestId('proof-broken').waitFor();
  await looks(page);
  await close();
});

test('another page begins at its top, and keys scroll it', async () => {
  const { page, close } = await open('speed=6', SMALL);
  const scrolled = () => page.locator('main').evaluate((main) => main.scrollTop);
  await page.locator('label:has([data-testid=target-aws])').click();
  await page.getByTestId('to-credentials').click();
  await page.getByTestId('to-check').click();
  await page.locator('[data-testid=continue]:enabled').focus();
  await page.locator('main').evaluate((main) => (main.scrollTop = main.scrollHeight));
  await page.keyboard.press('Enter');
  await page.getByTestId('price-hour').waitFor();
  expect(await scrolled()).toBe(0);
  await page.keyboard.press('End');
  await page.waitForFunction(() => (document.querySelector('main')?.scrollTop ?? 0) > 0);
  await close();
});

test('by keyboard alone, from Welcome to a confirmed review', async () => {
  const { page, close } = await open('speed=6', SMALL);
  await page.getByTestId('target-sandbox').focus();
  await page.keyboard.press('ArrowRight');
  await page.getByTestId('stack-name').focus();
  await page.keyboard.press('Enter');
  await page.locator('[data-testid=to-check]:enabled').focus();
  await page.keyboard.press('Enter');
  await page.locator('[data-testid=continue]:enabled').focus();
  await page.keyboard.press('Enter');
  await page.getByTestId('tick-minutes').focus();
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('Enter');
  await page.getByTestId('purpose-hosts').locator('summary').focus();
  await page.keyboard.press('Enter');
  await page.getByText('Host: airbyte').waitFor();
  await page.getByTestId('confirm-review').focus();
  await page.keyboard.press('Enter');
  await page.getByTestId('run-done').waitFor({ state: 'attached' });
  await close();
});
