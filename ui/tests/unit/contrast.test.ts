import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

const css = readFileSync(new URL('../../src/styles/tokens.css', import.meta.url), 'utf8');

/** Text on a ground: WCAG AA asks for 4.5. */
const TEXT: [text: string, ground: string][] = [
  ...['bg', 'surface', 'sunken', 'raised', 'hover', 'log-bg'].flatMap((ground): [string, string][] => [
    ['text', ground],
    ['muted', ground],
  ]),
  ...['bg', 'surface', 'sunken', 'raised', 'hover', 'log-bg', 'accent-soft', 'bad-soft'].map(
    (ground): [string, string] => ['faint', ground],
  ),
  ...['bg', 'surface', 'sunken', 'accent-soft', 'hover'].map((ground): [string, string] => [
    'accent-text',
    ground,
  ]),
  ...['ok', 'warn', 'bad'].flatMap((tone): [string, string][] => [
    [tone, `${tone}-soft`],
    [tone, 'surface'],
    [tone, 'log-bg'],
    ['text', `${tone}-soft`],
    ['muted', `${tone}-soft`],
  ]),
  ['bad', 'bg'],
  ['on-accent', 'accent'],
  ['on-accent', 'accent-hover'],
  ['on-bad', 'bad'],
  ['on-bad', 'bad-hover'],
  ['on-mark', 'mark'],
  ['on-mark-now', 'mark-now'],
  ['text', 'accent-soft'],
  ['muted', 'accent-soft'],
];

/** Edges of controls, focus rings and lines of charts on a ground: WCAG AA asks for 3. */
const SHAPES: [shape: string, ground: string][] = [
  ['line-strong', 'surface'],
  ['line-strong', 'bg'],
  ['accent', 'surface'],
  ['accent', 'bg'],
  ['chart-1', 'surface'],
];

describe.each(['light', 'dark'])('%s', (theme) => {
  const tokens = tokensOf(theme);
  test.each(TEXT)('%s on %s can be read', (text, ground) => {
    expect(contrast(tokens, text, ground)).toBeGreaterThanOrEqual(4.5);
  });
  test.each(SHAPES)('%s on %s can be seen', (shape, ground) => {
    expect(contrast(tokens, shape, ground)).toBeGreaterThanOrEqual(3);
  });
});

test('both themes define the same tokens', () => {
  expect([...tokensOf('dark').keys()].sort()).toEqual([...tokensOf('light').keys()].sort());
});

function tokensOf(theme: string): Map<string, string> {
  const block = new RegExp(`\\[data-theme='${theme}'\\]\\s*\\{([^}]*)\\}`).exec(css)?.[1] ?? '';
  return new Map(
    [...block.matchAll(/--([\w-]+):\s*([^;]+);/g)].map((found) => [found[1] ?? '', found[2] ?? '']),
  );
}

function contrast(tokens: Map<string, string>, one: string, other: string): number {
  const [a, b] = [luminance(tokens.get(one)), luminance(tokens.get(other))];
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}

function luminance(hex: string | undefined): number {
  if (!hex?.startsWith('#')) throw new Error(`not a colour: ${hex ?? 'undefined'}`);
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const part = parseInt(hex.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
