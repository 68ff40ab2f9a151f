import { describe, expect, test, vi } from 'vitest';
import { FakeLog } from '../../src/host/fake/logs';
import { allText, MAX_COPIED } from '../../src/lib/logtext';
import { cut, findMatch, whenComplete, type Ask } from '../../src/lib/search';
import type { LogFilter } from '../../src/protocol/LogFilter';
import { CHUNK, LogWindows, MAX_CHUNKS } from '../../src/state/logs.svelte';

const ALL: LogFilter = { query: '', origin: '', level: null };
const source = 'run/R';
const log = new FakeLog(100_000, ['a', 'b', 'c'], Date.parse('2026-11-20T10:00:00Z'));
const ask: Ask = (filter, from, count) => Promise.resolve(log.window({ source, filter, from, count }));

describe('windows of a log', () => {
  const load = vi.fn((from: number, count: number) => ask(ALL, from, count));

  test('hold few lines, whatever was scrolled past', async () => {
    const windows = new LogWindows(load);
    await windows.showEnd(40);
    for (let first = 0; first < 50_000; first += 700) await windows.show(first, 40);
    expect(windows.held).toBeLessThanOrEqual(MAX_CHUNKS);
    expect(windows.at(0)).toBeUndefined();
    await windows.show(0, 40);
    expect(windows.at(7)?.number).toBe(7);
  });
  test('ask once for what they hold', async () => {
    const windows = new LogWindows(load);
    await windows.showEnd(1);
    await windows.show(0, 40);
    load.mockClear();
    await windows.show(10, 40);
    expect(load).not.toHaveBeenCalled();
  });
  test('ask again for a last window that has grown', async () => {
    const growing = new FakeLog(CHUNK + 10);
    const windows = new LogWindows((from, count) =>
      Promise.resolve(growing.window({ source, filter: ALL, from, count })),
    );
    await windows.showEnd(1);
    await windows.show(CHUNK, 20);
    growing.headLines += 30;
    await windows.showEnd(1);
    await windows.show(CHUNK, 60);
    expect(windows.at(CHUNK + 25)?.number).toBe(CHUNK + 25);
  });
  test('many calls while an answer is due lead to one more question', async () => {
    const windows = new LogWindows(load);
    load.mockClear();
    await Promise.all(Array.from({ length: 50 }, () => windows.showEnd(40)));
    expect(load.mock.calls.length).toBeLessThanOrEqual(2);
    expect(windows.at(99_999)?.number).toBe(99_999);
  });
  test('tell of a failure, and of its end', async () => {
    const broken = vi.fn().mockRejectedValueOnce(new Error('gone'));
    broken.mockImplementation((from: number, count: number) => ask(ALL, from, count));
    const windows = new LogWindows(broken);
    await windows.showEnd(1);
    expect(windows.failed).toBeInstanceOf(Error);
    await windows.showEnd(1);
    expect(windows.failed).toBeNull();
    expect(windows.total).toBe(100_000);
  });
});

describe('searching', () => {
  const query = 'could not obtain';

  test('goes forward, backward and round', async () => {
    const first = await findMatch(ask, ALL, query, -1, true);
    expect(first).toMatchObject({ ordinal: 0, number: 996, index: 996 });
    const second = await findMatch(ask, ALL, query, 996, true);
    expect(second).toMatchObject({ ordinal: 1, number: 1993 });
    expect(await findMatch(ask, ALL, query, 1993, false)).toMatchObject({ ordinal: 0, number: 996 });
    const last = await findMatch(ask, ALL, query, 996, false);
    expect(last?.ordinal).toBe((last?.matches ?? 0) - 1);
    expect(await findMatch(ask, ALL, query, last?.number ?? 0, true)).toMatchObject({ ordinal: 0 });
  });
  test('finds where a match stands among the lines on show', async () => {
    const shown = { ...ALL, origin: 'b' };
    const match = await findMatch(ask, shown, query, -1, true);
    const line = log.window({ source, filter: shown, from: match?.index ?? -1, count: 1 }).lines[0];
    expect(line?.number).toBe(match?.number);
    expect(line?.origin).toBe('b');
  });
  test('asks few questions', async () => {
    const counted = vi.fn(ask);
    await findMatch(counted, ALL, query, 54_321, true);
    expect(counted.mock.calls.length).toBeLessThan(20);
  });
  test('says when there is nothing', async () => {
    expect(await findMatch(ask, ALL, 'no such words', 0, true)).toBeNull();
  });
  test('marks every occurrence, case ignored', () => {
    expect(cut('Lock, lock and LOCK', 'lock').filter((part) => part.hit)).toHaveLength(3);
    expect(cut('abc', '').map((part) => part.text)).toEqual(['abc']);
    expect(
      cut('aXbX', 'x')
        .map((part) => part.text)
        .join(''),
    ).toBe('aXbX');
  });
});

test('copying all takes every line, up to a limit', async () => {
  const short = new FakeLog(4321);
  const text = await allText((from, count) =>
    Promise.resolve(short.window({ source, filter: ALL, from, count })),
  );
  expect(text.split('\n')).toHaveLength(4321);
  const long = await allText((from, count) => ask(ALL, from, count));
  expect(long.split('\n')).toHaveLength(MAX_COPIED);
});

describe('a log that takes long to look through', () => {
  const part = (total: number, complete: boolean) => ({ total, from: 0, lines: [], complete });

  test('is asked about until it is known, and says how far it is', async () => {
    const answers = [part(100, false), part(200, false), part(300, true)];
    const seen: (number | null)[] = [];
    const windows: LogWindows = new LogWindows(() => {
      seen.push(windows.reading);
      expect(windows.answered, 'nothing is known of the whole yet').toBe(false);
      return Promise.resolve(answers.shift() ?? part(0, true));
    });
    await windows.showEnd(40);
    expect(seen).toEqual([null, 100, 200]);
    expect(windows).toMatchObject({ total: 300, reading: null, answered: true });
  });
  test('is not asked about any more once nobody looks', async () => {
    const endless = vi.fn(() => Promise.resolve(part(1, false)));
    const windows = new LogWindows(endless);
    const asking = windows.showEnd(40);
    windows.close();
    await asking;
    expect(endless).toHaveBeenCalledOnce();
  });
  test('is given up by a search that was given up', async () => {
    const search = new AbortController();
    const endless = vi.fn(() => {
      if (endless.mock.calls.length === 3) search.abort();
      return Promise.resolve(part(1, false));
    });
    await expect(whenComplete(endless, search.signal)).rejects.toThrow();
    expect(endless).toHaveBeenCalledTimes(3);
  });
});
