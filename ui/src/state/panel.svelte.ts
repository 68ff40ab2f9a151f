/** What the dashboard asks for besides the stream: charts, history, the pipeline's runs. Asked again when it changed. */
import { asFailure, type Host } from '../host/host';
import type { Charts } from '../protocol/Charts';
import type { Failure } from '../protocol/Failure';
import type { Invocation } from '../protocol/Invocation';
import type { PipelineRun } from '../protocol/PipelineRun';
import type { RunSummary } from '../protocol/RunSummary';

export class Panel {
  charts = $state.raw<Charts | null>(null);
  history = $state.raw<RunSummary[]>([]);
  pipeline = $state.raw<PipelineRun[]>([]);
  /** Calls of a shop in AWS, newest first. */
  calls = $state.raw<Invocation[]>([]);
  /** Logs that can be read, by source. */
  sources = $state.raw<readonly string[]>([]);
  /** Whether charts were answered at all, be it with none. */
  answered = $state(false);
  failure = $state.raw<Failure | null>(null);

  constructor(
    private readonly host: Host,
    private readonly stack: string,
  ) {}

  async loadCharts(): Promise<void> {
    try {
      this.charts = await this.host.call('charts', this.stack);
      this.failure = null;
    } catch (thrown) {
      this.failure = asFailure(thrown);
    }
    this.answered = true;
  }

  async loadHistory(): Promise<void> {
    this.history = await this.host.call('history', this.stack).catch(() => this.history);
  }

  /** Dagster may be starting or down; its health is told elsewhere, so what was known stays. */
  async loadPipeline(): Promise<void> {
    this.pipeline = await this.host.call('pipeline_runs', this.stack).catch(() => this.pipeline);
  }

  async loadCalls(): Promise<void> {
    this.calls = await this.host.call('invocations', this.stack).catch(() => this.calls);
  }

  async loadSources(): Promise<void> {
    this.sources = await this.host.call('log_sources', this.stack).catch(() => this.sources);
  }
}
