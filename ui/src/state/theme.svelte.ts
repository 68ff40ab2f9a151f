/** Light or dark: as the system says, unless the user says otherwise. */
export type Choice = 'system' | 'light' | 'dark';

const STORED = 'retailflow.theme';

export class Theme {
  choice = $state<Choice>('system');
  #dark = matchMedia('(prefers-color-scheme: dark)');

  constructor() {
    const stored = localStorage.getItem(STORED);
    if (stored === 'light' || stored === 'dark') this.choice = stored;
    this.#dark.addEventListener('change', () => this.#show());
    this.#show();
  }

  /** System → light → dark → system. */
  next(): void {
    this.choice = { system: 'light', light: 'dark', dark: 'system' }[this.choice] as Choice;
    localStorage.setItem(STORED, this.choice);
    this.#show();
  }

  #show(): void {
    const system = this.#dark.matches ? 'dark' : 'light';
    document.documentElement.dataset.theme = this.choice === 'system' ? system : this.choice;
  }
}
