import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { everything, MENDED } from '../../src/host/fake/aws/resources';
import type { Host } from '../../src/host/host';
import * as aws from '../../src/lib/aws';
import * as cost from '../../src/lib/cost';
import { journeyOf, stageOf } from '../../src/lib/journey';
import { byService } from '../../src/lib/proof';
import * as review from '../../src/lib/review';
import type { Cost } from '../../src/protocol/Cost';
import type { ProofItem } from '../../src/protocol/ProofItem';
import type { ResourceChange } from '../../src/protocol/ResourceChange';
import type { RunSummary } from '../../src/protocol/RunSummary';
import type { ServiceStatus } from '../../src/protocol/ServiceStatus';
import { DEFAULT_AWS, Draft } from '../../src/state/draft.svelte';
import { Price, REST_MS } from '../../src/state/price.svelte';
import { loginCommand, SignIn } from '../../src/state/signin.svelte';

const change = (resource: string, address: string): ResourceChange => ({
  root: 'foundation',
  address,
  resource,
  action: 'create',
  attributes: [],
});

describe('what is offered of AWS', () => {
  test('the defaults are among it', () => {
    expect(aws.REGIONS.map(({ id }) => id)).toContain(DEFAULT_AWS.region);
    for (const { role, least } of aws.HOSTS) {
      const own = aws.SIZES.find(({ id }) => id === DEFAULT_AWS.hosts[role]);
      expect(own?.gigabytes, role).toBeGreaterThanOrEqual(least);
    }
  });
  test('a size chosen elsewhere stays', () => {
    expect(aws.sizesOf(4, 'r6i.large')[0]).toEqual({ id: 'r6i.large', title: 'r6i.large' });
    expect(aws.sizesOf(8, 't3.large').map(({ id }) => id)).not.toContain('t3.medium');
  });
  test('what is watched is told by sort; hosts and alarms among their like say no more than whose they are', () => {
    const status = (name: string, title: string): ServiceStatus => ({
      name,
      title,
      health: 'healthy',
      detail: '',
      pid: null,
      restarts: 0,
    });
    const { services, hosts, alarms } = aws.bySort([
      status('postgres', 'PostgreSQL'),
      status('host-postgres', 'Host of PostgreSQL'),
      status('alarm-missed-ticks', 'Alarm: missed ticks'),
    ]);
    const titles = (some: ServiceStatus[]) => some.map(({ title }) => title);
    expect([services, hosts, alarms].map(titles)).toEqual([['PostgreSQL'], ['PostgreSQL'], ['Missed ticks']]);
  });
  test('an account can be compared by eye', () => {
    expect(aws.accountDigits('123456789012')).toBe('1234 5678 9012');
    expect(aws.accountDigits('')).toBe('');
  });
  test('actions are found in words, and times and addresses are not', () => {
    const text =
      '2 of 61 are denied at 10:15: ec2:RunInstances, iam:PassRole, ec2:RunInstances; see https://a.b';
    expect(aws.actionsIn(text)).toEqual(['ec2:RunInstances', 'iam:PassRole']);
    expect(aws.byService(['ec2:A', 'iam:B', 'ec2:C'])).toEqual([
      ['ec2', ['A', 'C']],
      ['iam', ['B']],
    ]);
  });
});

describe('money', () => {
  const line = (hourly: number, when_stopped: boolean) => ({ what: '', detail: '', hourly, when_stopped });
  const bill: Cost = { region: 'r', prices_of: '2026-11-23', lines: [line(0.3, false), line(0.05, true)] };
  const HOUR = 3_600_000;
  const at = (hours: number) => new Date(hours * HOUR).toISOString();
  const run = (operation: RunSummary['operation'], hours: number, result: 'succeeded' | 'cancelled') => ({
    run: `${operation}${hours}`,
    operation,
    started_at: at(hours),
    finished_at: at(hours + 0.5),
    outcome: { result },
    damage: null,
  });

  test('sums what runs and what is still paid when stopped', () => {
    expect(cost.hourly(bill)).toBeCloseTo(0.35);
    expect(cost.hourlyStopped(bill)).toBeCloseTo(0.05);
  });
  test.each([
    [0, '$0.00'],
    [0.001, '< $0.01'],
    [0.314, '$0.31'],
    [226.3, '$226'],
  ])('%d dollars read %s', (value, text) => expect(cost.dollars(value)).toBe(text));
  test('a stack costs from its first up on, and less once the end that its first plan settled has come', () => {
    const history = [run('plan', 9, 'succeeded'), run('up', 3, 'succeeded'), run('up', 2, 'cancelled')];
    const spell = cost.spellOf([...history, run('plan', 1, 'succeeded')], 4);
    expect(spell).toEqual({ since: 2 * HOUR, stops: 5 * HOUR });
    if (!spell) throw new Error('no spell');
    expect(cost.costSoFar(bill, spell, 3 * HOUR)).toBeCloseTo(1 * 0.35);
    expect(cost.costSoFar(bill, spell, 9 * HOUR)).toBeCloseTo(3 * 0.35 + 4 * 0.05);
  });
  test('a stack that was only planned costs nothing, and one without a lifetime never stops', () => {
    expect(cost.spellOf([run('plan', 1, 'succeeded')], 8)).toBeNull();
    expect(cost.spellOf([run('up', 1, 'succeeded')], 0)?.stops).toBeNull();
  });
});

describe('a review', () => {
  const changes = everything(DEFAULT_AWS);

  test('names things as people do', () => {
    const name = (resource: string, address: string) => review.nameOf(change(resource, address));
    expect(name('aws_instance', 'module.container_host["postgres"].aws_instance.this')).toBe(
      'Host: postgres',
    );
    expect(name('aws_instance', 'module.airbyte_host.aws_instance.this')).toBe('Host: airbyte');
    expect(name('aws_vpc', 'module.network.aws_vpc.this')).toBe('Network (VPC)');
    expect(
      name(
        'aws_vpc_security_group_ingress_rule',
        'module.network.aws_vpc_security_group_ingress_rule.flow["Airbyte reads PostgreSQL"]',
      ),
    ).toBe('May receive: Airbyte reads PostgreSQL');
    expect(name('aws_cloudwatch_metric_alarm', 'module.generator.aws_cloudwatch_metric_alarm.missed')).toBe(
      'Alarm: generator, missed',
    );
    expect(name('aws_new_thing', 'aws_new_thing.this')).toBe('New thing');
  });
  test('tells all resources of one root apart by name', () => {
    const names = changes.map((each) => `${each.root} ${review.nameOf(each)}`);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });
  test('loses nothing in its groups', () => {
    const groups = review.grouped(changes, ['services']);
    expect(groups.map(({ root, forecast }) => [root, forecast])).toEqual([
      ['registry', false],
      ['foundation', false],
      ['services', true],
    ]);
    const shown = groups.flatMap((root) => root.groups.flatMap((group) => group.changes));
    expect(shown).toHaveLength(changes.length);
    expect(groups.flatMap((root) => root.groups.map(({ purpose }) => purpose))).not.toContain('other');
  });
  test('knows what every type in terraform/ is for', () => {
    const types = terraformTypes();
    expect(types.length).toBeGreaterThan(30);
    expect(types.filter((type) => review.purposeOf(change(type, `${type}.this`)) === 'other')).toEqual([]);
  });
  test('is filtered by name, address, purpose and action', () => {
    expect(review.matching(changes, '  ')).toHaveLength(changes.length);
    expect(review.matching(changes, 'HOST: DAGSTER')).toHaveLength(1);
    expect(review.matching(changes, 'aws_ecr_repository.this["postgres"]')).toHaveLength(1);
    expect(review.matching(MENDED, 'replace')).toHaveLength(1);
    expect(review.matching(changes, 'no such')).toEqual([]);
  });
  test('says in one phrase what confirming does', () => {
    expect(review.deed([])).toBe('Change nothing');
    expect(review.deed(changes)).toBe(`Create ${changes.length} resources`);
    expect(review.deed(changes.slice(0, 1))).toBe('Create 1 resource');
    expect(review.deed(MENDED)).toBe('Create 1, change 2 and replace 1 resources');
  });
});

describe('a proof by service', () => {
  const item = (what: string, gone = true) => ({ what, gone, detail: '' });
  const told = (...items: ProofItem[]) =>
    byService(items).map(({ service, items: own, left }) => [service, own.map(({ what }) => what), left]);

  test('what was looked for on this computer comes last, a service that holds something still first', () => {
    expect(told(item('Folder'), item('Instances'), item('Roles', false), item('Volumes'))).toEqual([
      ['IAM', ['Roles'], 1],
      ['EC2', ['Instances', 'Volumes'], 0],
      ['', ['Folder'], 0],
    ]);
  });
  test('every sort of thing that is swept has a service', () => {
    const sorts = sweptSorts();
    expect(sorts.length).toBeGreaterThan(25);
    expect(byService(sorts.map((sort) => item(sort))).find(({ service }) => service === '')).toBeUndefined();
  });
});

test('a plan is on the way to its review', () => {
  expect(journeyOf('aws')[stageOf('run', 'aws', 'plan')]).toBe('Review');
  expect(journeyOf('aws')[stageOf('run', 'aws', 'up')]).toBe('Run');
  expect(journeyOf('sandbox')[stageOf('run', 'sandbox', null)]).toBe('Run');
  expect(stageOf('proof', 'aws', 'down')).toBe(-1);
});

describe('signing in', () => {
  const place = { access: { kind: 'default' as const }, region: 'eu-central-1' };

  test('the answer to a former question is dropped', async () => {
    const answers: ((id: { account_id: string; arn: string }) => void)[] = [];
    const call = vi.fn(() => new Promise((resolve) => answers.push(resolve)));
    const signIn = new SignIn({ call } as unknown as Host);
    const [first, second] = [signIn.ask(place), signIn.ask(place)];
    answers[1]?.({ account_id: '2', arn: '' });
    answers[0]?.({ account_id: '1', arn: '' });
    await Promise.all([first, second]);
    expect(signIn.identity?.account_id).toBe('2');
    expect(signIn.asking).toBe(false);
  });
  test('a key that is refused leaves nobody signed in', async () => {
    const call = vi.fn().mockRejectedValue({ summary: 'Locked', causes: [], blame: 'environment' });
    const signIn = new SignIn({ call } as unknown as Host);
    expect(await signIn.keep({ id: 'A', secret: 'hush' })).toBe(false);
    expect(signIn.failure?.summary).toBe('Locked');
    expect(signIn.asking).toBe(false);
  });
  test('only a profile with SSO is renewed, and its name survives a shell', () => {
    const profiles = [
      { name: 'work', region: null, sso: true },
      { name: 'my work', region: null, sso: true },
      { name: 'old', region: null, sso: false },
    ];
    const command = (name: string) => loginCommand({ kind: 'profile', name }, profiles);
    expect(command('work')).toBe('aws sso login --profile work');
    expect(command('my work')).toBe('aws sso login --profile "my work"');
    expect(command('old')).toBeNull();
    expect(loginCommand({ kind: 'default' }, profiles)).toBeNull();
  });
});

describe('the price of a draft', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test('is asked for once the settings rest', async () => {
    const answer = { region: 'r', prices_of: '2026-11-23', lines: [] };
    const call = vi.fn().mockResolvedValue(answer);
    const price = new Price({ call } as unknown as Host);
    const draft = new Draft('demo');
    price.ask(draft.config);
    await vi.runAllTimersAsync();
    expect(price.cost).toEqual(answer);
    for (let change = 0; change < 5; change += 1) price.ask(draft.config);
    await vi.advanceTimersByTimeAsync(REST_MS);
    expect(call).toHaveBeenCalledTimes(2);
    price.ask(draft.config);
    price.close();
    await vi.runAllTimersAsync();
    expect(call).toHaveBeenCalledTimes(2);
  });
});

/** What the engine calls the sorts of things it sweeps an account for. */
function sweptSorts(): string[] {
  const kinds = fileURLToPath(new URL('../../../crates/cloud/src/sweep/kind.rs', import.meta.url));
  return [...readFileSync(kinds, 'utf8').matchAll(/Self::\w+ => "([^"]+)"/g)].map((match) => match[1] ?? '');
}

/** Every resource type that the Terraform files use. */
function terraformTypes(): string[] {
  const root = fileURLToPath(new URL('../../../terraform/', import.meta.url));
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.tf') && !name.includes('.terraform'),
  );
  const found = files.flatMap((name) => [
    ...readFileSync(join(root, name), 'utf8').matchAll(/^resource "(aws_\w+)"/gm),
  ]);
  return [...new Set(found.map((match) => match[1] ?? ''))].sort();
}
