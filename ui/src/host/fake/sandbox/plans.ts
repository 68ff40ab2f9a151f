/** The plans of the fake sandbox: what each step says, how long it takes and what it reports. */
import type { Operation } from '../../../protocol/Operation';
import type { FakeStep } from '../nature';

const UP: FakeStep[] = [
  {
    id: 'python',
    title: 'Python environment',
    summary:
      'Installs the locked data tools (dlt, dbt, Dagster, PostgreSQL) into the stack’s own environment.',
    needs: [],
    seconds: 1.3,
    progress: { total: 214, unit: 'packages', message: 'Installing locked packages' },
    resource: ['folder', 'environment'],
  },
  {
    id: 'projects',
    title: 'Project files',
    summary: 'Copies the dbt and Dagster projects into the stack’s folder.',
    needs: [],
    seconds: 0.4,
    resource: ['folder', 'projects'],
  },
  {
    id: 'postgres',
    title: 'PostgreSQL',
    summary: 'Creates a private PostgreSQL 16 cluster and starts it on a socket only you can open.',
    needs: ['python'],
    seconds: 0.8,
    resource: ['process', 'postgres'],
    outputs: { socket: '~/.local/share/retailflow/demo/run/.s.PGSQL.5432' },
  },
  {
    id: 'schema',
    title: 'Shop schema',
    summary: 'Creates the tables customers, products, orders and order_items.',
    needs: ['postgres'],
    seconds: 0.3,
    resource: ['schema', 'production'],
  },
  {
    id: 'history',
    title: 'Order history',
    summary: 'Writes 30 days of orders, customers and their lives so far.',
    needs: ['schema'],
    seconds: 1.8,
    progress: { total: 3_204_118, unit: 'rows', message: 'Writing 2 November' },
  },
  {
    id: 'shop',
    title: 'Shop',
    summary: 'Opens the shop: new orders arrive at 20 a minute from here on.',
    needs: ['history'],
    seconds: 0.3,
    resource: ['process', 'generator'],
  },
  {
    id: 'manifest',
    title: 'dbt manifest',
    summary: 'Parses the dbt project once, so that Dagster loads it at once.',
    needs: ['python', 'projects'],
    seconds: 1.6,
  },
  {
    id: 'dagster',
    title: 'Dagster',
    summary: 'Starts the Dagster daemon and its web page on a free local port.',
    needs: ['manifest'],
    seconds: 0.9,
    resource: ['process', 'dagster-webserver'],
    outputs: { url: 'http://127.0.0.1:41873' },
  },
  {
    id: 'load',
    title: 'First load',
    summary: 'Loads the shop into the warehouse, builds and tests every model.',
    needs: ['history', 'dagster'],
    seconds: 1.6,
    progress: { total: 19, unit: 'models', message: 'Building fct_order_items' },
  },
  {
    id: 'charts',
    title: 'Charts',
    summary: 'Publishes the first charts.',
    needs: ['load', 'shop'],
    seconds: 0.3,
  },
];

const REFRESH: FakeStep[] = [
  {
    id: 'refresh',
    title: 'Refresh',
    summary: 'Loads what is new, builds the models it touches and publishes the charts.',
    needs: [],
    seconds: 2,
    progress: { total: 19, unit: 'models', message: 'Building fct_orders' },
  },
];

const DOWN: FakeStep[] = [
  {
    id: 'stop-shop',
    title: 'Close the shop',
    summary: 'Stops the generator; no more orders arrive.',
    needs: [],
    seconds: 0.4,
    resource: ['process', 'generator'],
  },
  {
    id: 'stop-dagster',
    title: 'Stop Dagster',
    summary: 'Stops the Dagster daemon and its web page.',
    needs: [],
    seconds: 0.9,
    resource: ['process', 'dagster-webserver'],
  },
  {
    id: 'stop-postgres',
    title: 'Stop PostgreSQL',
    summary: 'Stops PostgreSQL.',
    needs: ['stop-shop', 'stop-dagster'],
    seconds: 0.7,
    resource: ['process', 'postgres'],
  },
  {
    id: 'remove-files',
    title: 'Remove files',
    summary:
      'Deletes the stack’s folder: database, warehouse, Dagster’s storage, logs and settings (2.1 GB).',
    needs: ['stop-postgres'],
    seconds: 0.8,
    progress: { total: 48_211, unit: 'files', message: 'Deleting the Python environment' },
    resource: ['folder', 'demo'],
  },
];

export function planOf(operation: Operation): FakeStep[] {
  return { plan: [], up: UP, refresh: REFRESH, down: DOWN }[operation];
}
