/**
 * The whole product in a plain browser: a stateful stand-in that plays a sandbox from first check to proof.
 *
 * `?host=fake&scenario=…&speed=…&hold=…&lines=…&burst=…`: see {@link SCENARIOS}; speed 1 takes about six
 * seconds for an `up`.
 */
import type { Check } from '../../protocol/Check';
import type { Failure } from '../../protocol/Failure';
import type { Proof } from '../../protocol/Proof';
import type { StackConfig } from '../../protocol/StackConfig';
import type { UnreadableStack } from '../../protocol/UnreadableStack';
import type { Update } from '../../protocol/Update';
import type { Argument, Command, Host, Result } from '../host';
import { FakeLog } from './logs';
import { planOf } from './plans';
import { asPlan } from './player';
import { FakeStack, type StackOptions } from './stack';

export const SCENARIOS = [
  'fresh',
  'up',
  'stacks',
  'failure',
  'missing',
  'unhealthy',
  'empty',
  'long',
  'unreadable',
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

const UNREADABLE: UnreadableStack = {
  name: 'last-year',
  failure: {
    summary: 'The stack last-year was made by a newer version of RetailFlow',
    causes: [
      'its folder ~/.local/share/retailflow/stacks/last-year has format 2; this version knows up to 1',
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

export class FakeHost implements Host {
  #stacks = new Map<string, FakeStack>();
  #checks: Check[];

  constructor(private readonly options: FakeOptions) {
    this.#checks = checks(options.scenario === 'missing');
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
    check: () => this.#checks,
    fix_check: (id) => this.#fix(id),
    plan: ({ operation }) => planOf(operation).map(asPlan),
    start: ({ stack, operation }) => this.#idle(stack).start(operation),
    cancel: (stack) => (this.#stack(stack).cancel(), null),
    snapshot: (stack) => this.#stack(stack).snapshot,
    history: (stack) => this.#stack(stack).runs,
    pipeline_runs: (stack) => this.#stack(stack).pipelineRuns,
    charts: (stack) => (this.options.scenario === 'empty' ? null : this.#stack(stack).charts),
    set_rate: ({ stack, orders_per_minute }) => (this.#stack(stack).setRate(orders_per_minute), null),
    log_sources: (stack) => [...this.#stack(stack).logs.keys()],
    log_window: ({ stack, window }) =>
      (this.#stack(stack).logs.get(window.source) ?? new FakeLog()).window(window),
    save_log: ({ stack, source }) => `~/Downloads/retailflow-${stack}-${source.replace('/', '-')}.log`,
    open: () => null,
    proof: (stack) => proofOf(stack),
  };

  #latency(command: Command): number {
    if (command === 'fix_check') return 900 / this.options.speed;
    return command === 'check' ? 250 / this.options.speed : 0;
  }

  #populate(): void {
    const { scenario } = this.options;
    if (['up', 'unhealthy', 'empty', 'stacks', 'long'].includes(scenario)) {
      const name = scenario === 'long' ? 'a-very-long-stack-name-of-32-char'.slice(0, 32) : 'demo';
      const stack = this.#create(config(name));
      stack.bringUp();
      if (scenario === 'unhealthy') {
        const detail = 'The web page has not answered for 40 s; it was started again 3 times.';
        stack.setService('dagster-webserver', { health: 'unhealthy', detail, restarts: 3, pid: null });
      }
    }
    if (scenario === 'stacks') {
      this.#create(config('load-test', 365, 2000));
      this.#create(config('a-very-long-stack-name-of-32-cha', 0, 5));
    }
  }

  #create(config: StackConfig): FakeStack {
    if (this.#stacks.has(config.name)) {
      throw failure(`There is already a stack called “${config.name}”`, 'Choose another name.');
    }
    const { speed, hold, lines, burst, scenario } = this.options;
    const breakage: StackOptions['breakage'] =
      scenario === 'failure' ? { step: 'history', failure: DISK_FULL } : null;
    const options: StackOptions = { speed, logLines: lines, logRate: burst, breakage, held: hold };
    const stack = new FakeStack(config, options, () => this.#stacks.delete(config.name));
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

  #idle(name: string): FakeStack {
    const stack = this.#stack(name);
    if (stack.running)
      throw { ...failure('Another run is under way', 'Wait for it to end, or cancel it.'), code: 'busy' };
    return stack;
  }

  #fix(id: string): Check {
    const mended = this.#checks.find((check) => check.id === id);
    if (!mended) throw failure(`There is no check called “${id}”`, 'Check again.');
    Object.assign(mended, { status: 'passed', detail: 'uv 0.13.9, installed just now', fixable: false });
    delete mended.hint;
    return mended;
  }
}

function config(name: string, backfill_days = 30, orders_per_minute = 20): StackConfig {
  return {
    name,
    target: { kind: 'sandbox', seed: 42, backfill_days, orders_per_minute, refresh_minutes: 5 },
  };
}

function checks(missing: boolean): Check[] {
  return [
    { id: 'os', title: 'Operating system', status: 'passed', detail: 'Debian 12, x86-64', fixable: false },
    missing
      ? {
          id: 'uv',
          title: 'uv, the Python installer',
          status: 'failed',
          detail: 'Not found on the PATH nor in RetailFlow’s own tools.',
          hint: 'Let RetailFlow install it into its own folder, or install it with your package manager and check again.',
          fixable: true,
        }
      : {
          id: 'uv',
          title: 'uv, the Python installer',
          status: 'passed',
          detail: 'uv 0.13.9',
          fixable: false,
        },
    {
      id: 'python',
      title: 'Python 3.11 to 3.13',
      status: 'passed',
      detail: 'Python 3.11.2, /usr/bin/python3',
      fixable: false,
    },
    {
      id: 'disk',
      title: 'Free disk space',
      status: missing ? 'warning' : 'passed',
      detail: missing ? '4.1 GB free; a sandbox needs 2 GB and grows by about 90 MB a day.' : '212 GB free',
      ...(missing ? { hint: 'Free some space, or choose fewer days of history.' } : {}),
      fixable: false,
    },
    { id: 'memory', title: 'Memory', status: 'passed', detail: '23 GB, 21 GB of it free', fixable: false },
    { id: 'ports', title: 'A free local port', status: 'passed', detail: '41873 is free', fixable: false },
  ];
}

function proofOf(stack: string): Proof {
  const item = (what: string, detail: string) => ({ what, gone: true, detail });
  return {
    stack,
    items: [
      item('Processes of this stack', 'No process carries its mark; 4 were stopped.'),
      item('Local ports', '41873 is free again.'),
      item('Sockets', 'No socket is left below its folder.'),
      item('Folder', `~/.local/share/retailflow/stacks/${stack} does not exist.`),
      item('Lock', 'Nobody holds the stack’s lock.'),
    ],
  };
}

function failure(summary: string, hint: string): Failure {
  return { summary, causes: [], hint, blame: 'user' };
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
