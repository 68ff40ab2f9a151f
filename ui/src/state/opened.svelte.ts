/** What is opened from a dashboard: a log beside it, a link in the browser. */
import { asFailure, type Host } from '../host/host';
import type { Failure } from '../protocol/Failure';
import type { ServiceStatus } from '../protocol/ServiceStatus';

export class Opened {
  log = $state.raw<{ source: string; title: string } | null>(null);
  /** Why a link could not be opened. */
  failure = $state.raw<Failure | null>(null);

  constructor(
    private readonly host: Host,
    private readonly stack: string,
  ) {}

  async link(link: string, path = ''): Promise<void> {
    this.failure = null;
    try {
      await this.host.call('open', { stack: this.stack, link, path });
    } catch (thrown) {
      this.failure = asFailure(thrown);
    }
  }

  logOfRun(run: string): void {
    this.log = { source: `run/${run}`, title: 'Log of the run' };
  }

  logOfService(name: string, services: readonly ServiceStatus[]): void {
    const title = services.find((service) => service.name === name)?.title ?? name;
    this.log = { source: `service/${name}`, title: `${title}: log` };
  }
}
