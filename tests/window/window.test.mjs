/**
 * The real window, from Welcome to the proof that nothing is left: the app as it ships, WebKit, a real sandbox.
 *
 * The parts build on one another, so the first failure ends the test. Screenshots of every stage are in
 * test-output/window/sandbox/.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually } from './screen.mjs';
import { Stage } from './stage.mjs';
import { walk } from './walk.mjs';

const STACK = 'window';
const RUN_MS = 420_000;

let stage;
before(async () => {
  stage = await Stage.set('sandbox');
  await stage.open();
});
after(() => stage?.strike());

test('the real window', { timeout: 900_000 }, async (t) => {
  await walk(t, stage, [welcome, locked, check, killed, finished, dashboard, refreshed, removed, revived]);
});

async function welcome() {
  await stage.at('stack-name');
  await stage.shoot('welcome');
  await stage.type('stack-name', STACK);
  assert.equal(await (await stage.at('stack-name')).getAttribute('value'), STACK);
  await stage.type('backfill-days', '3');
  await stage.type('orders-per-minute', '5');
}
welcome.title = 'Welcome asks for a name and a size';

async function locked() {
  const found = await stage.window.executeAsyncScript(`
    const done = arguments[arguments.length - 1];
    const script = document.createElement('script');
    script.textContent = 'window.injected = true';
    document.head.append(script);
    const attempt = (command, argument) =>
      window.__TAURI_INTERNALS__.invoke(command, argument).then(() => 'allowed', (error) => String(error.summary ?? error));
    Promise.all([
      attempt('plugin:shell|execute', { program: 'true' }),
      attempt('plugin:event|emit', { event: 'x', payload: null }),
      attempt('rpc', { request: { command: 'no_such_command', argument: null } }),
      attempt('rpc', { request: { command: 'snapshot', argument: '../../etc' } }),
    ]).then((answers) => done({ answers, injected: window.injected ?? false, global: typeof window.__TAURI__ }));
  `);
  assert.equal(found.injected, false, 'an injected script must not run');
  assert.equal(found.global, 'undefined', 'the page must not get the whole of Tauri');
  assert.ok(!found.answers.includes('allowed'), `a command that is not listed was allowed: ${found.answers}`);
}
locked.title = 'The page can do nothing but give the listed commands';

async function check() {
  await stage.click('create-stack');
  await stage.find('[data-testid^="check-"][data-status="passed"]');
  await stage.shoot('check');
  await stage.click('continue');
  await stage.find('[data-testid="start-run"]:not(:disabled)');
  await stage.shoot('plan');
}
check.title = 'Check finds what the sandbox needs';

async function killed() {
  await stage.click('start-run');
  await stage.find('[data-testid="step-postgres"][data-status="done"]', RUN_MS);
  await stage.shoot('running');
  await stage.crash();
  const { run, state } = stage.status(STACK).snapshot;
  assert.equal(state, 'busy', 'the run must go on without a window');
  assert.equal(run.outcome, null);
  await stage.open();
  await stage.shoot('welcome-again');
  await stage.click(`stack-${STACK}`);
}
killed.title = 'A killed window stops nothing, and a new one shows the run';

async function finished() {
  await stage.at('run-done', RUN_MS);
  await stage.shoot('run-done');
  const states = await stage.each('[data-testid^="step-"]', 'data-status');
  assert.deepEqual([states.length, new Set(states)], [8, new Set(['done'])]);
  const lines = await stage.find('[data-testid="log-lines"]');
  assert.ok(Number(await lines.getAttribute('data-total')) > 100, 'the log should show the run');
}
finished.title = 'Run shows every step done, and its log';

async function dashboard() {
  await stage.click('open-dashboard');
  await stage.find('[data-testid="chart-throughput"]:not([data-points="0"])', 60_000);
  const charts = stage.status(STACK).charts;
  const shown = await stage.at('kpi-net-revenue');
  const cents = Number((await shown.getAttribute('title')).replace(/[^0-9]/g, ''));
  assert.equal(cents, charts.totals.net_cents, 'the page must show what the marts say, to the cent');
  assert.ok(charts.totals.net_cents > 0);
  await stage.at('link-dagster');
  await stage.shoot('dashboard');
}
dashboard.title = 'Dashboard shows what the marts say';

async function refreshed() {
  await stage.type('rate', '600');
  await eventually('the new rate', 20_000, () => stage.status(STACK).snapshot.orders_per_minute === 600);
  await eventually('faster ticks', 60_000, () => stage.status(STACK).snapshot.throughput.at(-1)?.orders >= 5);
  const before = stage.status(STACK).charts;
  await stage.click('refresh-now');
  await eventually('new charts', RUN_MS, () => stage.status(STACK).charts.published_at !== before.published_at);
  await stage.find('[data-testid="refresh-now"]:not(:disabled)', 60_000);
  const now = stage.status(STACK).charts;
  assert.ok(now.totals.orders > before.totals.orders, 'orders written meanwhile must be in the charts');
  await stage.shoot('dashboard-refreshed');
}
refreshed.title = 'The rate is changed, and a refresh charts what came of it';

async function removed() {
  await stage.click('teardown');
  await stage.at('confirm-teardown');
  await stage.shoot('teardown');
  await stage.click('confirm-teardown');
  await stage.at('proof-holds', 120_000);
  await stage.shoot('proof');
  const proof = JSON.parse(stage.cli('down', '--yes', '--json', '--stack', STACK).stdout);
  assert.ok(
    proof.proof.items.every((item) => item.gone),
    JSON.stringify(proof),
  );
  assert.deepEqual(stage.remains(STACK), [], 'nothing may be left, whatever the program says');
}
removed.title = 'Teardown ends in a proof that nothing is left';

async function revived() {
  await stage.close();
  await eventually('an empty screen', 20_000, () => !stage.showsSomething());
  stage.openAlone();
  await eventually('the page', 60_000, () => stage.showsSomething());
  const dead = stage.pageProcesses();
  for (const pid of dead) process.kill(pid, 'SIGKILL');
  const another = () => stage.pageProcesses().some((pid) => !dead.includes(pid));
  await eventually('another process for the page', 60_000, another);
  await eventually('the page once more', 60_000, () => stage.showsSomething());
}
revived.title = 'A page whose process dies is there again';
