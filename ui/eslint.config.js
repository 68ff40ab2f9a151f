import globals from 'globals';
import svelte from 'eslint-plugin-svelte';
import ts from 'typescript-eslint';
import svelteConfig from './svelte.config.js';

const tauriOnly = {
  patterns: [{ group: ['@tauri-apps/*'], message: 'Only src/host/tauri.ts knows Tauri.' }],
};

export default ts.config(
  { ignores: ['dist/', 'node_modules/', 'src/protocol/'] },
  ...ts.configs.strict,
  ...svelte.configs.recommended,
  { languageOptions: { globals: { ...globals.browser, ...globals.node } } },
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: {
      parserOptions: { extraFileExtensions: ['.svelte'], parser: ts.parser, svelteConfig },
    },
  },
  {
    rules: {
      eqeqeq: 'error',
      'no-console': 'error',
      'max-lines': ['error', { max: 400, skipBlankLines: true }],
      'no-restricted-imports': ['error', tauriOnly],
      'svelte/require-each-key': 'error',
      'svelte/no-at-html-tags': 'error',
      // Maps and sets here are plain on purpose: what is shown of them is announced once per batch.
      'svelte/prefer-svelte-reactivity': 'off',
      '@typescript-eslint/consistent-type-imports': 'error',
    },
  },
  { files: ['src/host/tauri.ts'], rules: { 'no-restricted-imports': 'off' } },
);
