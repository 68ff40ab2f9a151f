/** What surrounds the window: a display, a browser that only writes down what it is asked to open, processes. */
import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer as createWebServer } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Waits until `look` gives something, or fails saying what was waited for and what `look` last threw. */
export async function eventually(what, limitMs, look) {
  const deadline = Date.now() + limitMs;
  for (;;) {
    let cause;
    const found = await Promise.resolve(look()).catch((error) => void (cause = error));
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`${what} did not come within ${limitMs / 1000} s`, { cause });
    await sleep(200);
  }
}

/** A free port on loopback; the listener that found it is closed again. */
export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((ready) => server.once('listening', ready));
  const { port } = server.address();
  await new Promise((closed) => server.close(closed));
  return port;
}

/** A display of our own; Xvfb chooses its number and tells it. */
export async function startScreen() {
  const screen = spawn('Xvfb', ['-displayfd', '1', '-screen', '0', '1440x1000x24', '-nolisten', 'tcp'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const number = await new Promise((told, failed) => {
    screen.once('error', failed);
    screen.once('exit', (code) => failed(new Error(`Xvfb ended with ${code}`)));
    screen.stdout.once('data', told);
  });
  return { screen, display: `:${String(number).trim()}` };
}

/** Puts in place of the desktop's browser a program that writes each address down. */
export function fakeBrowser(folder) {
  const record = join(folder, 'opened');
  mkdirSync(folder, { recursive: true });
  writeFileSync(record, '');
  writeFileSync(join(folder, 'xdg-open'), `#!/bin/sh\nprintf '%s\\n' "$1" >>'${record}'\n`);
  chmodSync(join(folder, 'xdg-open'), 0o755);
  return () => readFileSync(record, 'utf8').split('\n').filter(Boolean);
}

/** A web site that is not ours; counts who comes to see it. */
export async function startStranger() {
  const visits = [];
  const server = createWebServer((request, response) => {
    visits.push(request.url);
    response.setHeader('Access-Control-Allow-Origin', '*');
    response.end('<title>stranger</title>');
  });
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  return { url: `http://127.0.0.1:${server.address().port}`, visits, close: () => server.close() };
}

/** The processes whose environment names a folder, which nobody but this run knows. */
export function processesOf(folder) {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  return pids.filter((pid) => environment(pid).includes(folder)).map(Number);
}

function environment(pid) {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8');
  } catch {
    // It has ended meanwhile, or is another user's.
    return '';
  }
}

/** The file a process runs, if it can be seen. */
export function commandOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').filter(Boolean);
  } catch {
    return [];
  }
}
