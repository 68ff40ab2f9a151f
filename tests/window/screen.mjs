/** What surrounds the window: a display, a browser that only writes down what it is asked to open, processes. */
import { spawn, spawnSync } from 'node:child_process';
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
    const found = await Promise.resolve()
      .then(look)
      .catch((error) => void (cause = error));
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

/** The first line that a program says, with which it tells that it is ready; fails if it ends without one. */
export function firstLine(program) {
  const name = program.spawnfile;
  return new Promise((told, failed) => {
    let said = '';
    program.once('error', (error) => failed(new Error(`${name} could not be started`, { cause: error })));
    program.once('exit', (code) => failed(new Error(`${name} ended with ${code}`)));
    program.stdout.on('data', (text) => {
      said += text;
      if (said.includes('\n')) told(said.slice(0, said.indexOf('\n')).trim());
    });
  });
}

/** A display of our own; Xvfb chooses its number and tells it, and keeps what is to be seen in `folder`. */
export async function startScreen(folder) {
  mkdirSync(folder);
  const settings = ['-screen', '0', '1440x1000x24', '-nolisten', 'tcp', '-fbdir', folder];
  const screen = spawn('Xvfb', ['-displayfd', '1', ...settings], { stdio: ['ignore', 'pipe', 'ignore'] });
  return { screen, display: `:${await firstLine(screen)}` };
}

/** How many colours are to be seen on a display: a page has many, an empty window only a few. */
export function coloursOn(folder) {
  const file = readFileSync(join(folder, 'Xvfb_screen0'));
  // The head of an XWD file: its own length comes first, and the number of colours, of 12 bytes each, as the 20th word.
  const pixels = file.subarray(file.readUInt32BE(0) + 12 * file.readUInt32BE(4 * 19));
  return new Set(new Uint32Array(pixels.buffer.slice(pixels.byteOffset))).size;
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

/** What the kernel said that matches, if this user may hear it: it names programs that crashed, and why. */
export function kernelLines(pattern) {
  const { stdout } = spawnSync('dmesg', { encoding: 'utf8' });
  return (stdout ?? '').split('\n').filter((line) => pattern.test(line));
}

/** The files of a folder that hold a text, be they readable or not. */
export function filesWith(text, folder) {
  // The text is told on standard input: whoever may list processes may read their arguments.
  const { status, stdout, stderr } = spawnSync('grep', ['-rlaFs', '-f', '-', folder], {
    input: text,
    encoding: 'utf8',
  });
  if (status === null || (status > 1 && stderr)) throw new Error(`grep ended with ${status}: ${stderr}`);
  return stdout.split('\n').filter(Boolean);
}

/** The processes of this computer in whose arguments a text stands. */
export function argumentsWith(text) {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map((pid) => commandOf(pid).join(' ')).filter((command) => command.includes(text));
}
