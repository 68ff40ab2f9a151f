/** One fake stack: its settings, services, logs, runs and the clients attached to it. */
import type { Event } from '../../protocol/Event';
import type { EventKind } from '../../protocol/EventKind';
import type { Failure } from '../../protocol/Failure';
import type { Invocation } from '../../protocol/Invocation';
import type { Operation } from '../../protocol/Operation';
import type { Review } from '../../protocol/Review';
import type { PipelineRun } from '../../protocol/PipelineRun';
import type { RunSummary } from '../../protocol/RunSummary';
import type { ServiceStatus } from '../../protocol/ServiceStatus';
import type { Snapshot } from '../../protocol/Snapshot';
import type { StackConfig } from '../../protocol/StackConfig';
import type { StackState } from '../../protocol/StackState';
import type { StackSummary } from '../../protocol/StackSummary';
import type { Update } from '../../protocol/Update';
import type { Charts } from '../../protocol/Charts';
import { replay } from '../../state/fold';
import { foldSnapshot } from '../../state/run.svelte';
import { FakeLog } from './logs';
import type { Nature } from './nature';
import { finishedRun, Player } from './player';
import * as shop from './shop';

const BATCH_MS = 50;
const MINUTE_MS = 60_000;
/** Ticks that a shop which is open for long has written. */
const PAST_TICKS = 90;
/** How long a shop slept that is behind the clock, and what it makes up for in a tick. */
const SLEPT_MS = 3 * 24 * 60 * MINUTE_MS;
const GAINED_MS = 10 * MINUTE_MS;

/** How a stack came to be as it is, in minutes before now. */
export interface Past {
  broughtUp: number;
  /** Its shop's latest tick: one that is not now was its last one; `null` if there was none. */
  ticked: number | null;
}

export interface StackOptions {
  speed: number;
  /** Lines a run's log begins with. */
  logLines: number;
  /** Lines that arrive in a service's log each second. */
  logRate: number;
  /** The next `up` fails here. */
  breakage: { step: string; failure: Failure } | null;
  /** Every run stays in the middle of this step, until it is cancelled. */
  held: string | null;
}

export class FakeStack {
  readonly logs = new Map<string, FakeLog>();
  readonly runs: RunSummary[] = [];
  readonly pipelineRuns: PipelineRun[] = [];
  charts: Charts | null = null;
  review: Review | null = null;
  removed = false;
  #snapshot: Snapshot;
  #player: Player | null = null;
  #done: ReadonlySet<string> = new Set();
  #watchers = new Set<(update: Update) => void>();
  #queue: Event[] = [];
  #timers: ReturnType<typeof setInterval>[] = [];
  #ticks = 0;
  /** How far the shop is behind the clock, in milliseconds. */
  #behind = 0;
  #ups = 0;

  constructor(
    config: StackConfig,
    readonly nature: Nature,
    private readonly options: StackOptions,
    private readonly onRemoved: () => void,
  ) {
    this.#snapshot = {
      seq: 0,
      config,
      state: 'new',
      run: null,
      services: [],
      links: [],
      orders_per_minute: config.shop.orders_per_minute,
      throughput: [],
    };
    this.#timers.push(setInterval(() => this.#flush(), BATCH_MS));
  }

  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  /** The calls of the last hour, newest first, if the shop is a function. */
  get invocations(): Invocation[] {
    const { config, throughput } = this.#snapshot;
    if (config.target.kind !== 'aws') return [];
    const hourAgo = Date.now() - 60 * MINUTE_MS;
    return throughput
      .filter(({ at }) => Date.parse(at) > hourAgo)
      .map(shop.call)
      .reverse();
  }

  get running(): boolean {
    return this.#player !== null;
  }

  summary(): StackSummary {
    const { config, state } = this.#snapshot;
    return {
      config,
      state,
      last_run: this.runs[0] ?? null,
      folder: `~/.local/share/retailflow/stacks/${config.name}`,
    };
  }

  watch(onUpdate: (update: Update) => void): () => void {
    this.#flush();
    this.#watchers.add(onUpdate);
    onUpdate({ type: 'snapshot', value: this.#snapshot });
    return () => this.#watchers.delete(onUpdate);
  }

  start(operation: Operation): string {
    const run = `01K${Date.now().toString(36).toUpperCase().padStart(9, '0')}${this.runs.length}`;
    const source = `run/${run}`;
    const summary: RunSummary = {
      run,
      operation,
      started_at: now(),
      finished_at: null,
      outcome: null,
      damage: null,
    };
    this.runs.unshift(summary);
    this.logs.set(source, new FakeLog(this.options.logLines));
    const before = operation === 'up' ? this.#done : new Set<string>();
    const breakage = operation === 'up' ? this.options.breakage : null;
    const player = new Player(
      operation,
      this.nature.plan(operation),
      this.options.speed,
      {
        emit: (kind) => this.#emit(kind, run),
        log: (origin, level, line) => {
          const log = this.logs.get(source);
          log?.append(origin, level, line, Date.now());
          this.#emit({ type: 'log_grew', source, lines: log?.length ?? 0 }, run);
        },
        ended: (outcome) => {
          Object.assign(summary, { outcome, finished_at: now() });
          this.#done = operation === 'up' ? player.finished : this.#done;
          this.#player = null;
          if (operation === 'up') this.options.breakage = null;
          if (outcome.result === 'succeeded') this.#succeeded(operation);
          if (!this.removed) this.#tellState();
        },
      },
      breakage,
      before,
      this.options.held,
    );
    this.#player = player;
    this.#tellState();
    return run;
  }

  cancel(): void {
    this.#player?.cancel();
  }

  setRate(ordersPerMinute: number): void {
    this.#emit({ type: 'rate', orders_per_minute: ordersPerMinute });
    const detail = ordersPerMinute === 0 ? 'Paused' : 'Writing a tick every second';
    this.setService('generator', { detail });
  }

  setService(name: string, change: Partial<ServiceStatus>): void {
    const services = this.#snapshot.services.map((service) =>
      service.name === name ? { ...service, ...change } : service,
    );
    this.#emit({ type: 'services', services, links: this.#snapshot.links });
    this.#tellState();
  }

  #tellState(): void {
    const state = this.#standing();
    if (state !== this.#snapshot.state) this.#emit({ type: 'state', state });
  }

  /** To plan is to change nothing, and a refresh leaves the stack as it is. */
  #standing(): StackState {
    if (this.#player !== null && this.runs[0]?.operation !== 'plan') return 'busy';
    const made = this.runs.find(({ operation }) => operation === 'up' || operation === 'down');
    if (!made) return 'new';
    if (made.operation === 'down' || made.outcome?.result !== 'succeeded') return 'partial';
    const unwell = this.#snapshot.services.some(
      ({ health }) => health === 'unhealthy' || health === 'stopped',
    );
    return unwell ? 'degraded' : 'up';
  }

  /** Makes the stack as if it had been brought up some time ago. */
  bringUp(past: Past = { broughtUp: 120, ticked: 0 }): void {
    const run = '01KAFAKERUN0';
    const [at, ended] = [past.broughtUp, past.broughtUp - 1.2].map(ago) as [string, string];
    const outcome = { result: 'succeeded' as const };
    this.runs.push({ run, operation: 'up', started_at: at, finished_at: ended, outcome, damage: null });
    if (this.nature.review(0) !== null) {
      const [planned, reviewed] = [past.broughtUp + 4, past.broughtUp + 3.4].map(ago) as [string, string];
      const first = '01KAFAKEPLAN';
      this.runs.push({
        run: first,
        operation: 'plan',
        started_at: planned,
        finished_at: reviewed,
        outcome,
        damage: null,
      });
    }
    const plan = this.nature.plan('up');
    const origins = plan.map(({ id }) => id);
    this.logs.set(`run/${run}`, new FakeLog(2000, origins));
    const state = replay(finishedRun(plan, run, at, ended));
    this.#done = new Set(origins);
    for (let minutes = 60; this.nature.chartDays !== null && minutes > 0; minutes -= 5)
      this.#record(minutes % 20 ? 'schedule' : 'app', 6, minutes);
    this.#ups += 1;
    this.#open(past.ticked);
    this.#snapshot = { ...this.#snapshot, state: 'up', run: state };
    this.#flush();
  }

  #succeeded(operation: Operation): void {
    if (operation === 'down') return this.#remove();
    if (operation === 'plan') this.review = this.nature.review(this.#ups);
    if (operation === 'up') this.#cameUp();
    if (operation === 'refresh') this.#publish('app', 2);
  }

  #cameUp(): void {
    this.#ups += 1;
    if (this.#ups === 1) this.#open();
    // What was amiss was mended.
    else this.#emit({ type: 'services', services: this.nature.services(), links: this.nature.links() });
  }

  #open(ticked: number | null = 0): void {
    for (const name of this.nature.logged) this.logs.set(`service/${name}`, new FakeLog(4000, [name]));
    this.#emit({ type: 'services', services: this.nature.services(), links: this.nature.links() });
    this.#publish('app', 9);
    const { told, waited } = this.nature.tick;
    const last = Date.now() - (ticked ?? 0) * MINUTE_MS;
    const past = Array.from({ length: ticked === null ? 0 : PAST_TICKS }, (_, index) =>
      this.#tick(last - (PAST_TICKS - index) * told * 1000),
    );
    this.#snapshot = { ...this.#snapshot, throughput: past };
    const next = () => this.#emit({ type: 'throughput', sample: this.#tick(Date.now()) });
    if (ticked === 0) this.#timers.push(setInterval(next, waited * 1000));
    if (this.options.logRate > 0) this.#timers.push(setInterval(() => this.#pour(), BATCH_MS));
  }

  /** Lets lines arrive in the generator's log at the asked rate, with the event that the agent would send. */
  #pour(): void {
    const log = this.logs.get('service/generator');
    if (!log) return;
    log.headLines += Math.round((this.options.logRate * BATCH_MS) / 1000);
    this.#emit({ type: 'log_grew', source: 'service/generator', lines: log.length });
  }

  #tick(at: number) {
    this.#ticks += 1;
    this.#behind = Math.max(0, this.#behind - GAINED_MS);
    const { told } = this.nature.tick;
    return shop.tick(this.#ticks, at, this.#snapshot.orders_per_minute, told, at - this.#behind);
  }

  #publish(trigger: string, seconds: number): void {
    const { orders_per_minute, seed } = this.#snapshot.config.shop;
    const { chartDays } = this.nature;
    if (chartDays === null) return;
    this.charts = shop.charts(chartDays, orders_per_minute, seed, Date.now());
    this.#record(trigger, seconds, 0);
    this.#emit({ type: 'charts_published', published_at: this.charts.published_at });
  }

  /** The computer slept for some days, and the shop makes up for them since a minute ago. */
  fallBehind(): void {
    const ticks = this.#snapshot.throughput;
    const throughput = ticks.map((tick, index) => {
      const behind = SLEPT_MS + (ticks.length - 1 - index) * GAINED_MS;
      return { ...tick, until: new Date(Date.parse(tick.at) - behind).toISOString() };
    });
    this.#snapshot = { ...this.#snapshot, throughput };
    this.#behind = SLEPT_MS;
  }

  /** Newer figures did not agree with the shop's. */
  castDoubt(): void {
    if (!this.charts) return;
    this.charts.doubt = {
      since: new Date().toISOString(),
      reasons: ['orders: 17,280 in the shop, 17,281 in marts.fct_orders'],
    };
  }

  #record(trigger: string, seconds: number, minutesAgo: number): void {
    const id = crypto.randomUUID();
    const ended = Date.now() - minutesAgo * MINUTE_MS;
    this.pipelineRuns.unshift({
      id,
      job: 'refresh',
      status: minutesAgo === 35 ? 'FAILURE' : 'SUCCESS',
      trigger,
      started_at: new Date(ended - seconds * 1000).toISOString(),
      finished_at: new Date(ended).toISOString(),
      url: `http://127.0.0.1:41873/runs/${id}`,
    });
  }

  #remove(): void {
    this.#flush();
    for (const timer of this.#timers) clearInterval(timer);
    this.removed = true;
    this.onRemoved();
    for (const watcher of this.#watchers) watcher({ type: 'ended' });
    this.#watchers.clear();
  }

  #emit(kind: EventKind, run?: string): void {
    const seq = this.#snapshot.seq + 1;
    const event: Event = { seq, at: now(), ...(run === undefined ? {} : { run }), kind };
    this.#snapshot = foldSnapshot(this.#snapshot, [event]).snapshot;
    this.#queue.push(event);
  }

  #flush(): void {
    if (this.#queue.length === 0) return;
    const events = this.#queue;
    this.#queue = [];
    for (const watcher of this.#watchers) watcher({ type: 'events', value: events });
  }
}

function now(): string {
  return ago(0);
}

function ago(minutes: number): string {
  return new Date(Date.now() - minutes * MINUTE_MS).toISOString();
}
