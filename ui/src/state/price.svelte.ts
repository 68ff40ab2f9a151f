/** What a drafted stack would cost, asked for again a moment after its settings changed. */
import { asFailure, type Host } from '../host/host';
import type { Cost } from '../protocol/Cost';
import type { Failure } from '../protocol/Failure';
import type { StackConfig } from '../protocol/StackConfig';

/** How long the settings must rest, in milliseconds. */
export const REST_MS = 200;

export class Price {
  /** The latest answer; it stays on show while the next one is due. */
  cost = $state.raw<Cost | null>(null);
  failure = $state.raw<Failure | null>(null);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #generation = 0;

  constructor(private readonly host: Host) {}

  /** Asks once the settings rest; at once if there is no answer yet. */
  ask(config: StackConfig): void {
    clearTimeout(this.#timer);
    this.#generation += 1;
    const generation = this.#generation;
    this.#timer = setTimeout(() => void this.#ask(config, generation), this.cost ? REST_MS : 0);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#generation += 1;
  }

  async #ask(config: StackConfig, generation: number): Promise<void> {
    try {
      const cost = await this.host.call('price', config);
      if (generation !== this.#generation) return;
      this.cost = cost;
      this.failure = null;
    } catch (thrown) {
      if (generation === this.#generation) this.failure = asFailure(thrown);
    }
  }
}
