import { svelte } from '@sveltejs/vite-plugin-svelte';
import { svelteTesting } from '@testing-library/svelte/vite';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  plugins: [svelte(), svelteTesting()],
  // The page is loaded from the app's own protocol, from any base path.
  base: './',
  build: {
    target: 'es2022',
    // `font-src 'self'` forbids data: URLs, so no asset may be inlined.
    assetsInlineLimit: 0,
    // The preload polyfill is a script the content security policy need not allow.
    modulePreload: { polyfill: false },
  },
  server: { port: 5173, strictPort: true },
  test: {
    projects: [
      {
        extends: true,
        test: { name: 'unit', include: ['tests/unit/**/*.test.ts'], environment: 'node' },
      },
      {
        extends: true,
        test: {
          name: 'pages',
          include: ['tests/pages/**/*.test.ts'],
          environment: 'jsdom',
          testTimeout: 20_000,
          setupFiles: ['tests/pages/setup.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'browser',
          include: ['tests/browser/**/*.test.ts'],
          environment: 'node',
          globalSetup: ['tests/browser/build.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'speed',
          include: ['tests/speed/**/*.test.ts'],
          environment: 'node',
          globalSetup: ['tests/browser/build.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          // One at a time: they measure.
          fileParallelism: false,
        },
      },
    ],
  },
});
