/** Builds the page once for all browser tests, away from `dist/`, which may be in use. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const BUILT = fileURLToPath(new URL('../../node_modules/.cache/tested-page', import.meta.url));

export default async function setup(): Promise<void> {
  // A process of its own: inside vitest, Vite and Svelte would build for a test, not for production.
  const env: NodeJS.ProcessEnv = { ...process.env, NODE_ENV: 'production' };
  delete env.VITEST;
  const vite = fileURLToPath(new URL('../../node_modules/vite/bin/vite.js', import.meta.url));
  await promisify(execFile)(process.execPath, [vite, 'build', '--outDir', BUILT, '--emptyOutDir'], {
    cwd: ROOT,
    env,
  });
}
