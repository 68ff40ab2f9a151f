/**
 * The whole product in a plain browser: a stateful stand-in that plays a stack from first check to proof, in a sandbox
 * and in AWS.
 *
 * `?host=fake&scenario=…&speed=…&hold=…&lines=…&burst=…`: see {@link SCENARIOS}; speed 1 takes six
 * seconds for an `up`.
 */
import type { Check } from '../../protocol/Check';
import type { Failure } from '../../protocol/Failure';
import type { Cost } from '../../protocol/Cost';
import type { Proof } from '../../protocol/Proof';
import type { RunSummary } from '../../protocol/RunSummary';
import type { StackConfig } from '../../protocol/StackConfig';
import type { StartRequest } from '../../protocol/StartRequest';
import type { UnreadableStack } from '../../protocol/UnreadableStack';
import type { Update } from '../../protocol/Update';
import { DEFAULT_AWS, DEFAULT_SANDBOX, DEFAULT_SHOP } from '../../state/draft.svelte';
import type { Argument, Command, Host, Result } from '../host';
import { NO_CAPACITY } from './aws';
import { Account } from './aws/account';
import { price } from './aws/price';
import { stage, STAGED } from './aws/staged';
import { FakeLog } from './logs';
import { natureOf, type Nature } from './nature';
import { asPlan } from './player';
import { checks } from './sandbox';
import { FakeStack, type StackOptions } from './stack';

export const SCENARIOS = [
  'fresh',
  'up',
  'stacks',
  'failure',
  'missing',
  'unhealthy',
  'unwatched',
  'empty',
  'doubtful',
  'behind',
  'long',
  'unreadable',
  'aws',
  'aws-bare',
  'aws-denied',
  'aws-drift',
  'aws-failure',
  'aws-left',
  'aws-tools',
  'aws-other',
  'aws-unwell',
  'aws-unsure',
  'aws-starting',
  'aws-stopped',
] as const;
export type Scenario = (typeof SCENARIOS)[number];

export interface FakeOptions {
  scenario: Scenario;
  /** How many times faster than normal. */
  speed: number;
  /** The step that every run stays in, until it is cancelled. */
  hold: string | null;
  /** Lines each run's log begins with. */
  lines: number;
  /** Lines a second that arrive in the generator's log. */
  burst: number;
}

type Handlers = { [K in Command]: (argument: Argument<K>) => Result<K> };

const DISK_FULL: Failure = {
  summary: 'The order history could not be written',
  causes: [
    'COPY into production.order_items stopped after 1,922,470 rows',
    'PostgreSQL: could not extend file "base/16384/16421": No space left on device',
  ],
  hint: 'Free at least 2 GB on the disk that holds ~/.local/share/retailflow, then resume: what is already written is kept.',
  blame: 'environment',
};

/** The step that fails in the first `up`, by scenario. */
const BREAKAGES: Partial<Record<Scenario, NonNullable<StackOptions['breakage']>>> = {
  failure: { step: 'history', failure: DISK_FULL },
  'aws-failure': { step: 'foundation', failure: NO_CAPACITY },
};

const UNREADABLE: UnreadableStack = {
  name: 'last-year',
  failure: {
    summary: 'The stack last-year was made by a newer version of RetailFlow',
    causes: [
      'its folder ~/.local/share/retailflow/stacks/last-year has format 3; this version knows up to 2',
    ],
    hint: 'Use that version, or a later one. This one has changed nothing.',
    blame: 'user',
  },
};

export function readOptions(query: URLSearchParams): FakeOptions {
  const asked = query.get('scenario');
  return {
    scenario: SCENARIOS.find((scenario) => scenario === asked) ?? 'fresh',
    speed: Number(query.get('speed') ?? 1) || 1,
    hold: query.get('hold'),
    lines: Number(query.get('lines') ?? 0),
    burst: Number(query.get('burst') ?? 0),
  };
}

/** A run whose files were damaged, in a place with a long name. */
const DAMAGED: RunSummary = {
  run: '01K0000000000000000000000X',
  operation: null,
  started_at: '2026-11-20T10:00:00Z',
  finished_at: null,
  outcome: null,
  damage: {
    summary: `/home/someone/.local/share/retailflow/stacks/${'a-very-long-name/'.repeat(4)}run.json could not be read`,
    causes: ['EOF while parsing an object at line 1 column 1'],
    hint: 'Something else than RetailFlow changed the file, or the disk did.',
    blame: 'environment',
  },
};

export class FakeHost implements Host {
  #stacks = new Map<string, FakeStack>();
  /** What stacks that were taken down were like: their proof is still asked for. */
  #removed = new Map<string, Nature>();
  #checks: Check[];
  #account: Account;

  constructor(private readonly options: FakeOptions) {
    this.#checks = checks(options.scenario === 'missing');
    this.#account = new Account(options.scenario);
    this.#populate();
  }

  async call<K extends Command>(command: K, argument: Argument<K>): Promise<Result<K>> {
    await pause(this.#latency(command));
    return structuredClone(this.#handlers[command](argument));
  }

  async watch(stack: string, onUpdate: (update: Update) => void): Promise<() => void> {
    await pause(10);
    return this.#stack(stack).watch(onUpdate);
  }

  readonly #handlers: Handlers = {
    list_stacks: () => ({
      stacks: [...this.#stacks.values()].map((stack) => stack.summary()),
      unreadable: this.options.scenario === 'unreadable' ? [UNREADABLE] : [],
    }),
    create_stack: (config) => this.#create(config).summary(),
    check: (request) => (request.kind === 'aws' ? this.#account.checks(request) : this.#checks),
    fix_check: (id) => this.#fix(id),
    aws_profiles: () => this.#account.profiles(),
    aws_identity: (place) => this.#account.identity(place),
    keep_key: ({ id }) => this.#account.keep(id),
    price: ({ target, name }) => priceOf(target, name),
    review: (stack) => this.#stack(stack).review,
    plan: ({ stack, operation }) => this.#stack(stack).nature.plan(operation).map(asPlan),
    start: (request) => this.#start(request),
    cancel: (stack) => (this.#stack(stack).cancel(), null),
    snapshot: (stack) => this.#stack(stack).snapshot,
    history: (stack) => this.#stack(stack).runs,
    pipeline_runs: (stack) => this.#stack(stack).pipelineRuns,
    invocations: (stack) => this.#stack(stack).invocations,
    charts: (stack) => (this.options.scenario === 'empty' ? null : this.#stack(stack).charts),
    set_rate: ({ stack, orders_per_minute }) => (this.#stack(stack).setRate(orders_per_minute), null),
    log_sources: (stack) => [...this.#stack(stack).logs.keys()],
    log_window: ({ stack, window }) =>
      (this.#stack(stack).logs.get(window.source) ?? new FakeLog()).window(window),
    save_log: ({ stack, source }) => `~/Downloads/retailflow-${stack}-${source.replace('/', '-')}.log`,
    open: () => null,
    proof: (stack) => this.#proof(stack),
  };

  #latency(command: Command): number {
    if (command === 'fix_check') return 900 / this.options.speed;
    return command === 'check' || command === 'aws_identity' ? 250 / this.options.speed : 0;
  }

  #populate(): void {
    const { scenario } = this.options;
    if (
      ['up', 'unhealthy', 'unwatched', 'empty', 'doubtful', 'behind', 'stacks', 'long'].includes(scenario)
    ) {
      const name = scenario === 'long' ? 'a-very-long-stack-name-of-32-char'.slice(0, 32) : 'demo';
      const stack = this.#create(config(name));
      stack.bringUp();
      if (scenario === 'unhealthy') {
        const detail = 'The web page has not answered for 40 s; it was started again 3 times.';
        stack.setService('dagster-webserver', { health: 'unhealthy', detail, restarts: 3, pid: null });
      }
      if (scenario === 'doubtful') stack.castDoubt();
      if (scenario === 'behind') stack.fallBehind();
      if (scenario === 'long') stack.runs.push(DAMAGED);
      if (scenario === 'unwatched')
        stack.setService('generator', { health: 'stopped', detail: 'not running', pid: null });
    }
    if (['aws', 'aws-drift', 'aws-left'].includes(scenario)) this.#create(awsConfig('demo')).bringUp();
    if (scenario === 'aws-other') this.#create(awsConfig('demo', '999988887777'));
    const staged = STAGED[scenario];
    if (staged) stage(this.#create(awsConfig(staged.name)), staged);
    if (scenario === 'stacks') {
      this.#create(awsConfig('shop-in-frankfurt-01')).bringUp();
      this.#create(config('load-test', 365, 2000));
      this.#create(config('a-very-long-stack-name-of-32-cha', 0, 5));
    }
  }

  #create(config: StackConfig): FakeStack {
    if (this.#stacks.has(config.name)) {
      throw failure(`There is already a stack called “${config.name}”`, 'Choose another name.');
    }
    const { speed, hold, lines, burst, scenario } = this.options;
    const breakage = BREAKAGES[scenario] ?? null;
    const options: StackOptions = { speed, logLines: lines, logRate: burst, breakage, held: hold };
    const nature = natureOf(config, scenario);
    const stack = new FakeStack(config, nature, options, () => {
      this.#stacks.delete(config.name);
      this.#removed.set(config.name, nature);
    });
    this.#stacks.set(config.name, stack);
    return stack;
  }

  #stack(name: string): FakeStack {
    const stack = this.#stacks.get(name);
    if (!stack) {
      throw {
        ...failure(`There is no stack called “${name}”`, 'Choose one from the list.'),
        code: 'no_such_stack',
      };
    }
    return stack;
  }

  #start({ stack: name, operation, review }: StartRequest): string {
    const stack = this.#idle(name);
    const asks = stack.snapshot.config.target.kind === 'aws' && operation === 'up';
    if (asks && (review === undefined || review !== stack.review?.id))
      throw failure(
        review === undefined ? 'There is no confirmed plan' : 'The plan has changed since it was confirmed',
        'Plan again, and look at what is found.',
      );
    return stack.start(operation);
  }

  #proof(name: string): Proof {
    return (this.#removed.get(name) ?? natureOf(config(name), this.options.scenario)).proof();
  }

  #idle(name: string): FakeStack {
    const stack = this.#stack(name);
    if (stack.running)
      throw { ...failure('Another run is under way', 'Wait for it to end, or cancel it.'), code: 'busy' };
    return stack;
  }

  #fix(id: string): Check {
    if (id === 'terraform') return this.#account.install();
    const mended = this.#checks.find((check) => check.id === id);
    if (!mended) throw failure(`There is no check called “${id}”`, 'Check again.');
    Object.assign(mended, { status: 'passed', detail: 'uv 0.13.9, installed just now', fixable: false });
    delete mended.hint;
    return mended;
  }
}

function config(name: string, backfill_days = 30, orders_per_minute = 20): StackConfig {
  const shop = { ...DEFAULT_SHOP, backfill_days, orders_per_minute };
  return { name, shop, target: { kind: 'sandbox', ...DEFAULT_SANDBOX } };
}

function awsConfig(name: string, account_id = '123456789012'): StackConfig {
  const access = { kind: 'profile' as const, name: 'default' };
  return { name, shop: DEFAULT_SHOP, target: { kind: 'aws', ...DEFAULT_AWS, account_id, access } };
}

function priceOf(target: StackConfig['target'], name: string): Cost {
  if (target.kind === 'aws') return price(target);
  throw failure(`${name} costs nothing`, 'Only what runs in AWS has a price.');
}

function failure(summary: string, hint: string): Failure {
  return { summary, causes: [], hint, blame: 'user' };
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
