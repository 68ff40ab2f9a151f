/**
 * The one store of what is known about the open stack: a snapshot, and every event folded into it since.
 *
 * The values are raw state replaced as a whole once per batch, because the stream brings hundreds of events a second.
 */
import { asFailure, type Host } from '../host/host';
import type { Event } from '../protocol/Event';
import type { Failure } from '../protocol/Failure';
import type { Snapshot } from '../protocol/Snapshot';
import type { Update } from '../protocol/Update';
import { apply, begin } from './fold';

/** How many ticks the throughput chart holds, as in a snapshot. */
export const MAX_TICKS = 300;
/** How long to wait before attaching again after the agent ended, in milliseconds. */
const REATTACH_MS = 400;

export type Connection = 'none' | 'connecting' | 'live' | 'lost' | 'gone';

export class RunStore {
  snapshot = $state.raw<Snapshot | null>(null);
  connection = $state<Connection>('none');
  failure = $state.raw<Failure | null>(null);
  /** Grows with each publication of charts, so that whoever shows them knows when to ask again. */
  chartsVersion = $state(0);
  /** Grows with each run that ends. */
  runsEnded = $state(0);
  /** Grows with each batch that brought lines of a log, by log source. */
  logVersions = $state.raw<Readonly<Record<string, number>>>({});

  readonly run = $derived(this.snapshot?.run ?? null);
  readonly active = $derived(this.run !== null && this.run.outcome === null);

  #stack: string | null = null;
  #detach: (() => void) | null = null;
  /** Counts attachments: what a former one still brings is dropped. */
  #generation = 0;

  constructor(private readonly host: Host) {}

  /** Attaches to a stack, leaving the former one. */
  async attach(stack: string): Promise<void> {
    this.detach();
    this.#stack = stack;
    await this.#watch(stack, this.#generation);
  }

  detach(): void {
    this.#generation += 1;
    this.#detach?.();
    this.#detach = null;
    this.#stack = null;
    this.snapshot = null;
    this.failure = null;
    this.connection = 'none';
    this.logVersions = {};
  }

  receive(update: Update): void {
    switch (update.type) {
      case 'snapshot':
        this.snapshot = update.value;
        this.connection = 'live';
        this.failure = null;
        break;
      case 'events':
        this.#fold(update.value);
        break;
      case 'ended':
        this.#ended();
    }
  }

  async #watch(stack: string, generation: number): Promise<void> {
    this.connection = 'connecting';
    try {
      const detach = await this.host.watch(stack, (update) => {
        if (generation === this.#generation) this.receive(update);
      });
      if (generation === this.#generation) this.#detach = detach;
      else detach();
    } catch (thrown) {
      if (generation !== this.#generation) return;
      this.failure = asFailure(thrown);
      this.connection = this.failure.code === 'no_such_stack' ? 'gone' : 'lost';
    }
  }

  #ended(): void {
    if (this.#removed()) {
      this.connection = 'gone';
      return;
    }
    this.connection = 'lost';
    const generation = this.#generation;
    const stack = this.#stack;
    setTimeout(() => {
      if (stack && generation === this.#generation) void this.#watch(stack, generation);
    }, REATTACH_MS);
  }

  #fold(events: Event[]): void {
    if (!this.snapshot) return;
    const before = this.snapshot.run?.outcome;
    const { snapshot, charts, logs } = foldSnapshot(this.snapshot, events);
    this.snapshot = snapshot;
    if (charts) this.chartsVersion += 1;
    if (logs.size > 0) this.logVersions = bump(this.logVersions, logs);
    if (!before && snapshot.run?.outcome) {
      this.runsEnded += 1;
    }
  }

  #removed(): boolean {
    return this.run?.operation === 'down' && this.run.outcome?.result === 'succeeded';
  }
}

interface Folded {
  snapshot: Snapshot;
  charts: boolean;
  logs: Set<string>;
}

/** Folds a batch of events into a snapshot, and says what else came with them. */
export function foldSnapshot(from: Snapshot, events: Event[]): Folded {
  const snapshot = { ...from };
  const logs = new Set<string>();
  let ticks: Snapshot['throughput'] | null = null;
  let charts = false;
  for (const event of events) {
    if (event.seq <= snapshot.seq) continue;
    snapshot.seq = event.seq;
    const { kind } = event;
    switch (kind.type) {
      case 'run_started':
        snapshot.run = begin(event);
        break;
      case 'state':
        snapshot.state = kind.state;
        break;
      case 'rate':
        snapshot.orders_per_minute = kind.orders_per_minute;
        break;
      case 'throughput':
        (ticks ??= [...snapshot.throughput]).push(kind.sample);
        break;
      case 'services':
        snapshot.services = kind.services;
        snapshot.links = kind.links;
        break;
      case 'charts_published':
        charts = true;
        break;
      case 'log_grew':
        logs.add(kind.source);
        break;
      default:
        if (snapshot.run) snapshot.run = apply(snapshot.run, event);
    }
  }
  if (ticks) snapshot.throughput = ticks.slice(-MAX_TICKS);
  return { snapshot, charts, logs };
}

function bump(versions: Readonly<Record<string, number>>, sources: Set<string>) {
  const next = { ...versions };
  for (const source of sources) next[source] = (next[source] ?? 0) + 1;
  return next;
}
