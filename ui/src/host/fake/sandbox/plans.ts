/** The plans of the fake sandbox: the product's own, each step with how it is played. */
import type { Operation } from '../../../protocol/Operation';
import type { FakeStep } from '../nature';
import { played, type Played } from '../played';
import recorded from '../recorded.json';

const UP: Record<string, Played> = {
  python: {
    seconds: 1.3,
    progress: { total: 214, unit: 'packages', message: 'Installing locked packages' },
    resource: ['folder', 'environment'],
  },
  projects: { seconds: 0.4, resource: ['folder', 'projects'] },
  postgres: {
    seconds: 0.8,
    resource: ['process', 'PostgreSQL'],
    outputs: { dsn: 'postgresql:///shop?host=/run/user/1000/rf-6d0f5e/pg&user=shop' },
  },
  history: { seconds: 1.8, progress: { total: 3_204_118, unit: 'rows', message: 'Writing 2 November' } },
  manifest: { seconds: 1.6 },
  dagster: {
    seconds: 0.9,
    resource: ['process', 'Dagster webserver'],
    outputs: { url: 'http://127.0.0.1:41873' },
  },
  refresh: { seconds: 1.6, progress: { total: 19, unit: 'assets', message: 'fct_order_items' } },
  shop: { seconds: 0.3, resource: ['process', 'Shop'] },
};

const REFRESH: Record<string, Played> = {
  refresh: { seconds: 2, progress: { total: 19, unit: 'assets', message: 'fct_orders' } },
};

const DOWN: Record<string, Played> = {
  shop: { seconds: 0.4, resource: ['process', 'Shop'] },
  refresh: { seconds: 0.1 },
  dagster: { seconds: 0.9, resource: ['process', 'Dagster webserver'] },
  manifest: { seconds: 0.1 },
  history: { seconds: 0.1 },
  postgres: { seconds: 0.7, resource: ['process', 'PostgreSQL'] },
  projects: { seconds: 0.2, resource: ['folder', 'projects'] },
  python: {
    seconds: 0.8,
    progress: { total: 48_211, unit: 'files', message: 'Deleting the Python environment' },
    resource: ['folder', 'environment'],
  },
};

const { plans } = recorded.sandbox;

export function planOf(operation: Operation): FakeStep[] {
  switch (operation) {
    case 'up':
      return played(plans.up, UP);
    case 'refresh':
      return played(plans.refresh, REFRESH);
    case 'down':
      return played(plans.down, DOWN);
    case 'plan':
      return [];
  }
}
