/**
 * A stack in AWS in the real window, from signing in to the proof that nothing is left: the app as it ships, WebKit, a
 * real keyring, a real Terraform, and the offline AWS of tests/rig.
 *
 * The parts build on one another, so the first failure ends the test. Screenshots of every stage are in
 * test-output/window/aws/.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { By } from 'selenium-webdriver';
import { Cloud } from './cloud.mjs';
import { eventually } from './screen.mjs';
import { Stage } from './stage.mjs';
import { walk } from './walk.mjs';

const STACK = 'shop';
/** The stack that is denied something. */
const DENIED = 'denied';
const RUN_MS = 420_000;

/** A key of the test's own; nothing else on this computer looks like its secret. */
const KEY = { id: 'AKIAWINDOWTEST000001', secret: `hush/${randomBytes(24).toString('base64url')}` };

let cloud;
let stage;
before(async () => {
  cloud = await Cloud.start();
  stage = await Stage.set('aws', { environment: cloud.environment, keyring: true });
  stage.shareLayers();
  await stage.open();
});
after(async () => {
  await stage?.strike();
  await cloud?.end(stage?.output);
});

test('a stack in AWS, in the real window', { timeout: 1_800_000 }, async (t) => {
  await walk(t, stage, [
    ...[welcome, credentials, key, check, configure, review],
    ...[killed, finished, dashboard, unchanged, drifted, mended, removed],
    ...[refused, resumed, removedAgain, nothing],
  ]);
});

async function welcome() {
  await stage.click('target-aws');
  await stage.type('stack-name', STACK);
  await stage.shoot('welcome');
  await stage.click('to-credentials');
}
welcome.title = 'Welcome offers AWS';

async function credentials() {
  await signedIn();
  assert.equal(await (await stage.at('access-default')).isSelected(), true);
  await stage.shoot('credentials');
}
credentials.title = 'Credentials shows whose account the ones at hand open';

async function key() {
  await stage.click('access-key');
  await stage.find('[data-testid="to-check"]:disabled');
  await stage.type('key-id', KEY.id);
  await stage.type('key-secret', KEY.secret);
  // That it is found where it is shows that it would be found elsewhere.
  assert.deepEqual(await stage.sightings(KEY.secret), ['the page']);
  await stage.shoot('key');
  await stage.click('keep-key');
  await signedIn();
  assert.equal(await (await stage.at('key-secret')).getAttribute('value'), '');
  await stage.shoot('key-kept');
  assert.deepEqual(await stage.sightings(KEY.secret), []);
  const question = ['doctor', '--target', 'aws', '--key', KEY.id];
  const [asked, inVain] = [stage.cli(...question), stage.cliWithoutKeyring(...question)];
  assert.equal(asked.status, 0, `who asks the keyring must be signed in: ${asked.stdout}${asked.stderr}`);
  assert.equal(inVain.status, 1, 'the secret must be nowhere but in the keyring');
  assert.match(inVain.stdout + inVain.stderr, /keyring of this computer cannot be used/);
}
key.title = 'A typed key goes into the keyring, and its secret nowhere else';

async function check() {
  await stage.click('to-check');
  await stage.find('[data-testid="continue"]:not(:disabled)', 60_000);
  const states = await stage.each('[data-testid^="check-"][data-status]', 'data-status');
  assert.ok(states.length > 8, `${states.length} checks`);
  assert.deepEqual(new Set(states), new Set(['passed']));
  await stage.shoot('check');
  await stage.click('continue');
}
check.title = 'Check finds the account and this computer ready';

async function configure() {
  const price = await stage.text('price-hour');
  await stage.shoot('configure');
  await stage.choose('size-airbyte', 't3.xlarge');
  await eventually('another price', 20_000, async () => (await stage.text('price-hour')) !== price);
  assert.ok(dollars(await stage.text('price-hour')) > dollars(price), 'a larger host must cost more');
  await stage.shoot('configure-larger');
}
configure.title = 'Configure shows at once what another size costs';

async function review() {
  const price = await stage.text('price-hour');
  await stage.click('create-plan');
  const count = await confirmedCount();
  assert.ok(count > 60, `${count} resources`);
  const actions = await stage.each('[data-testid="change"]', 'data-action');
  assert.deepEqual([actions.length, new Set(actions)], [count, new Set(['create'])]);
  assert.equal(await stage.text('price-hour'), price, 'the price that was shown must be the one that is confirmed');
  await stage.shoot('review');
  await stage.run(`document.querySelector('[data-testid="purpose-hosts"] summary').click()`);
  await stage.shoot('review-hosts');
  assert.deepEqual(await cloud.remains(), [], 'nothing may be made before it is confirmed');
}
review.title = 'Review lists all that will be made and its cost, and nothing is made before';

async function killed() {
  // So that the run is still under way when it is looked at.
  cloud.holdImages();
  await stage.click('confirm-review');
  await reached('[data-testid="step-registry"][data-status="done"]');
  assert.deepEqual(await stage.sightings(KEY.secret), []);
  await stage.crash();
  const { run, state } = stage.status(STACK).snapshot;
  assert.equal(state, 'busy', 'the run must go on without a window');
  assert.equal(run.outcome, null);
  await stage.open();
  await stage.shoot('welcome-again');
  await stage.click(`stack-${STACK}`);
  await reached('[data-testid="step-image-dagster"][data-status="running"]');
  await stage.shoot('running');
  cloud.releaseImages();
}
killed.title = 'A killed window stops nothing, and a new one shows the run';

async function finished() {
  await reached('[data-testid="run-done"]');
  await stage.shoot('run-done');
  const states = await stage.each('[data-testid^="step-"][data-status]', 'data-status');
  assert.equal(states.length, 8);
  assert.ok(
    states.every((state) => ['done', 'already_done'].includes(state)),
    states.join(),
  );
  const lines = await stage.at('log-lines');
  assert.ok(Number(await lines.getAttribute('data-total')) > 100, 'the log should show the run');
  const made = await cloud.remains();
  assert.ok(made.length > 40, made.join('\n'));
}
finished.title = 'Run shows every step done, and its log';

async function dashboard() {
  await cloud.installAirbyte(STACK);
  await stage.click('open-dashboard');
  for (const service of ['postgres', 'airbyte', 'dagster', 'metabase']) {
    await stage.find(`[data-testid="service-${service}"][data-health="healthy"]`, 60_000);
    await stage.find(`[data-testid="service-host-${service}"][data-health="healthy"]`, 60_000);
  }
  // The rig calls no function by itself.
  await stage.find('[data-testid="service-generator"][data-health="starting"]');
  const alarms = await stage.each('[data-testid^="service-alarm-"]', 'data-health');
  assert.deepEqual(alarms, ['healthy', 'healthy']);
  await stage.find('[data-testid="tile-cost"]');
  await stage.shoot('dashboard');
  await stage.run(`document.querySelector('[data-testid="service-generator"]').scrollIntoView({ block: 'center' })`);
  await stage.shoot('dashboard-services');
  assert.deepEqual(await stage.sightings(KEY.secret), []);
}
dashboard.title = 'Dashboard shows services, hosts and alarms, all well';

async function unchanged() {
  const made = await cloud.remains();
  await stage.click('check-drift');
  await reached('[data-testid="review-none"]');
  await stage.shoot('review-none');
  await stage.click('leave-review');
  await stage.at('check-drift');
  assert.deepEqual(await cloud.remains(), made);
}
unchanged.title = 'Planned again, there is nothing to do';

async function drifted() {
  await cloud.disableRule(`${STACK}-tick`);
  await stage.click('check-drift');
  const drift = await reached('[data-testid="drift"]');
  await stage.shoot('drift');
  assert.match(await drift.getText(), /aws_cloudwatch_event_rule/);
  assert.match(await stage.text('confirm-review'), /^Change 1 resource in 123456789012/);
  assert.equal(await cloud.isEnabled(`${STACK}-tick`), false, 'nothing may be mended before it is confirmed');
}
drifted.title = 'What was changed behind the stack’s back is shown in the review';

async function mended() {
  await stage.click('confirm-review');
  await reached('[data-testid="run-done"]');
  await stage.shoot('mended');
  assert.equal(await cloud.isEnabled(`${STACK}-tick`), true);
  await stage.click('open-dashboard');
  await stage.at('check-drift');
}
mended.title = 'It is mended once it is confirmed';

async function removed() {
  assert.deepEqual(await stage.sightings(KEY.secret), []);
  await takeDown(STACK);
  await stage.click('back-to-stacks');
}
removed.title = 'Teardown ends in a proof that nothing is left in the account';

async function refused() {
  await stage.click('target-aws');
  await stage.type('stack-name', DENIED);
  await stage.click('to-credentials');
  await signedIn();
  await stage.click('to-check');
  await stage.click('continue', 60_000);
  await stage.at('price-hour');
  await stage.click('create-plan');
  await confirmedCount();
  await cloud.order({ service: 'ec2', action: 'RunInstances', kind: 'denied' });
  await stage.click('confirm-review');
  await stage.at('resume', RUN_MS);
  await stage.shoot('refused');
  assert.deepEqual(await cloud.struck(), { 'ec2:RunInstances': 1 });
  const failures = await stage.window.findElements(By.css('[data-testid="failure"]'));
  assert.equal(failures.length, 1, 'one error is told, once');
  const told = await failures[0].getText();
  assert.match(told, /The AWS credentials do not allow ec2:RunInstances/);
  assert.match(told, /What to do\. Have ec2:RunInstances allowed/);
  await stage.find('[data-testid="step-foundation"][data-status="failed"]');
}
refused.title = 'A call that is denied stops the run with one error and its remedy';

async function resumed() {
  await stage.click('resume');
  // Until then the page shows the run that failed.
  await stage.at('cancel-run');
  await reached('[data-testid="run-done"]');
  await stage.shoot('resumed');
}
resumed.title = 'Once it is allowed, Resume goes on to the end';

async function removedAgain() {
  await stage.click('open-dashboard');
  await takeDown(DENIED);
}
removedAgain.title = 'That stack goes without a trace as well';

async function nothing() {
  assert.deepEqual(await stage.sightings(KEY.secret), []);
  await stage.close();
  await eventually('the end of every process', 20_000, () => {
    const left = stage.processes();
    if (left.length > 0) throw new Error(left.join('\n'));
    return true;
  });
}
nothing.title = 'Once the window is closed, nothing runs any more';

/** Waits until the page says whose account it is: the rig's. */
async function signedIn() {
  const number = await stage.text('account-id');
  assert.equal(number.replaceAll(' ', ''), cloud.account);
}

/** Waits for a review; gives how many resources its button says will be made. */
async function confirmedCount() {
  await reached('[data-testid="confirm-review"]');
  const words = await stage.text('confirm-review');
  const [, count] =
    /^Create (\d+) resources in 123456789012, eu-central-1, for about \$\d\.\d+ an hour$/.exec(words) ?? [];
  assert.ok(count, words);
  return Number(count);
}

/** Waits for what a run leads to, unless it fails or leaves something behind: then for what the page says. */
async function reached(selector) {
  const found = await stage.find(`${selector}, [data-testid="resume"], [data-testid="proof-broken"]`, RUN_MS);
  const id = await found.getAttribute('data-testid');
  if (['resume', 'proof-broken'].includes(id)) assert.fail(await (await stage.find('main')).getText());
  return found;
}

/** Takes down the stack on the dashboard, and looks whether it is gone. */
async function takeDown(stack) {
  await stage.click('teardown');
  assert.equal((await stage.text('teardown-account')).replaceAll(' ', ''), cloud.account);
  await stage.at('confirm-teardown');
  await stage.shoot(`teardown-${stack}`);
  await stage.click('confirm-teardown');
  await reached('[data-testid="proof-holds"]');
  await stage.shoot(`proof-${stack}`);
  assert.deepEqual(await cloud.remains(), [], 'left in the account');
  assert.deepEqual(stage.remains(stack), [], 'left on this computer');
}

function dollars(text) {
  return Number(text.replace(/[^0-9.]/g, ''));
}
