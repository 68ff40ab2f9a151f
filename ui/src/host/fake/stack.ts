/** One fake stack: its settings, services, logs, runs and the clients attached to it. */
import type { Event } from '../../protocol/Event';
import type { EventKind } from '../../protocol/EventKind';
import type { Failure } from '../../protocol/Failure';
import type { Operation } from '../../protocol/Operation';
import type { PipelineRun } from '../../protocol/PipelineRun';
import type { RunSummary } from '../../protocol/RunSummary';
import type { ServiceStatus } from '../../protocol/ServiceStatus';
import type { Snapshot } from '../../protocol/Snapshot';
import type { StackConfig } from '../../protocol/StackConfig';
import type { StackSummary } from '../../protocol/StackSummary';
import type { Update } from '../../protocol/Update';
import type { Charts } from '../../protocol/Charts';
import { replay } from '../../state/fold';
import { foldSnapshot } from '../../state/run.svelte';
import { FakeLog } from './logs';
import { finishedRun, Player } from './player';
import * as shop from './shop';

const BATCH_MS = 50;
const SERVICES: [name: string, title: string, detail: string][] = [
  ['postgres', 'PostgreSQL', 'Accepting connections on its socket'],
  ['generator', 'Shop', 'Writing a tick every second'],
  ['dagster-daemon', 'Dagster daemon', 'Schedule: every 5 minutes'],
  ['dagster-webserver', 'Dagster web', 'http://127.0.0.1:41873'],
];

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
  removed = false;
  #snapshot: Snapshot;
  #player: Player | null = null;
  #done: ReadonlySet<string> = new Set();
  #watchers = new Set<(update: Update) => void>();
  #queue: Event[] = [];
  #timers: ReturnType<typeof setInterval>[] = [];
  #ticks = 0;

  constructor(
    config: StackConfig,
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
      orders_per_minute: config.target.orders_per_minute,
      throughput: [],
    };
    this.#timers.push(setInterval(() => this.#flush(), BATCH_MS));
  }

  get snapshot(): Snapshot {
    return this.#snapshot;
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
    const summary: RunSummary = { run, operation, started_at: now(), finished_at: null, outcome: null };
    this.runs.unshift(summary);
    this.logs.set(source, new FakeLog(this.options.logLines));
    const before = operation === 'up' ? this.#done : new Set<string>();
    const breakage = operation === 'up' ? this.options.breakage : null;
    const player = new Player(
      operation,
      this.options.speed,
      {
        emit: (kind) => this.#emit(kind, run),
        log: (origin, level, line) => {
          this.logs.get(source)?.append(origin, level, line, Date.now());
          this.#emit({ type: 'log', source, origin, level, line }, run);
        },
        ended: (outcome) => {
          Object.assign(summary, { outcome, finished_at: now() });
          this.#done = operation === 'up' ? player.finished : this.#done;
          this.#player = null;
          this.options.breakage = null;
          if (outcome.result === 'succeeded') this.#succeeded(operation);
        },
      },
      breakage,
      before,
      this.options.held,
    );
    this.#player = player;
    return run;
  }

  cancel(): void {
    this.#player?.cancel();
  }

  setRate(ordersPerMinute: number): void {
    this.#snapshot = { ...this.#snapshot, orders_per_minute: ordersPerMinute };
    const detail = ordersPerMinute === 0 ? 'Paused' : 'Writing a tick every second';
    this.setService('generator', { detail });
  }

  setService(name: string, change: Partial<ServiceStatus>): void {
    const services = this.#snapshot.services.map((service) =>
      service.name === name ? { ...service, ...change } : service,
    );
    this.#emit({ type: 'services', services, links: this.#snapshot.links });
  }

  /** Makes the stack as if it had been brought up some time ago. */
  bringUp(): void {
    const run = '01KAFAKERUN0';
    const at = new Date(Date.now() - 2 * 3_600_000).toISOString();
    const ended = new Date(Date.parse(at) + 74_000).toISOString();
    const outcome = { result: 'succeeded' as const };
    this.runs.push({ run, operation: 'up', started_at: at, finished_at: ended, outcome });
    this.logs.set(`run/${run}`, new FakeLog(2000, ['python', 'postgres', 'history', 'dagster', 'load']));
    const state = replay(finishedRun(run, at, ended));
    for (let minutes = 60; minutes > 0; minutes -= 5)
      this.#record(minutes % 20 ? 'schedule' : 'app', 6, minutes);
    this.#open();
    this.#snapshot = { ...this.#snapshot, state: 'up', run: state };
    this.#flush();
  }

  #succeeded(operation: Operation): void {
    if (operation === 'down') return this.#remove();
    if (operation === 'up') this.#open();
    if (operation === 'refresh') this.#publish('app', 2);
  }

  #open(): void {
    const health = 'healthy' as const;
    const services = SERVICES.map(([name, title, detail], index) => ({
      name,
      title,
      health,
      detail,
      pid: 41_830 + index * 17,
      restarts: 0,
    }));
    for (const { name } of services) this.logs.set(`service/${name}`, new FakeLog(4000, [name]));
    const links = [{ id: 'dagster', title: 'Dagster', url: 'http://127.0.0.1:41873' }];
    this.#emit({ type: 'services', services, links });
    this.#publish('app', 9);
    const past = Array.from({ length: 90 }, (_, index) => this.#tick(Date.now() - (90 - index) * 1000));
    this.#snapshot = { ...this.#snapshot, throughput: past };
    this.#timers.push(
      setInterval(() => this.#emit({ type: 'throughput', sample: this.#tick(Date.now()) }), 1000),
    );
    if (this.options.logRate > 0) this.#timers.push(setInterval(() => this.#pour(), BATCH_MS));
  }

  /** Lets lines arrive in the generator's log at the asked rate, each with the event that the agent would send. */
  #pour(): void {
    const log = this.logs.get('service/generator');
    if (!log) return;
    const [source, origin, level, at] = ['service/generator', 'generator', 'info' as const, now()];
    const arrived = Math.round((this.options.logRate * BATCH_MS) / 1000);
    const { seq } = this.#snapshot;
    for (let nth = 1; nth <= arrived; nth += 1) {
      const line = `copied ${nth} rows into production.orders in 3 ms`;
      this.#queue.push({ seq: seq + nth, at, kind: { type: 'log', source, origin, level, line } });
    }
    this.#snapshot = { ...this.#snapshot, seq: seq + arrived };
    log.headLines += arrived;
  }

  #tick(at: number) {
    this.#ticks += 1;
    return shop.tick(this.#ticks, at, this.#snapshot.orders_per_minute, 1);
  }

  #publish(trigger: string, seconds: number): void {
    const { config } = this.#snapshot;
    const { backfill_days, orders_per_minute, seed } = config.target;
    this.charts = shop.charts(backfill_days, orders_per_minute, seed, Date.now());
    this.#record(trigger, seconds, 0);
    this.#emit({ type: 'charts_published', published_at: this.charts.published_at });
  }

  #record(trigger: string, seconds: number, minutesAgo: number): void {
    const id = crypto.randomUUID();
    const ended = Date.now() - minutesAgo * 60_000;
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
  return new Date().toISOString();
}
