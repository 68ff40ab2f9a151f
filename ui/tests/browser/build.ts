/** Builds the page once for all browser tests, away from `dist/`, which may be in use. */
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

export const BUILT = fileURLToPath(new URL('../../node_modules/.cache/tested-page', import.meta.url));

export default async function setup(): Promise<void> {
  await build({ logLevel: 'warn', build: { outDir: BUILT, emptyOutDir: true } });
}
