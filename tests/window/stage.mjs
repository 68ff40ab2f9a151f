/** What the test of the real window stands on: a screen, a driver, a data folder, all of this run's own. */
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Builder, By, Capabilities, Key, until } from 'selenium-webdriver';

const ROOT = resolve(import.meta.dirname, '../..');
const BINARIES = resolve(ROOT, process.env.CARGO_TARGET_DIR ?? 'target', 'debug');
const APP = join(BINARIES, 'retailflow-desktop');
const CLI = join(BINARIES, 'retailflow');
const SHOTS = join(ROOT, 'test-output', 'window');

/** How long a page may take to react to a click. */
const REACTION_MS = 20_000;

/** A free port on loopback; the listener that found it is closed again. */
async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((ready) => server.once('listening', ready));
  const { port } = server.address();
  await new Promise((closed) => server.close(closed));
  return port;
}

/** Waits until `look` gives something, or fails saying what was waited for. */
export async function eventually(what, limitMs, look) {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`${what} did not come within ${limitMs / 1000} s`);
    await sleep(200);
  }
}

/** A display of our own; Xvfb chooses its number and tells it. */
async function startScreen() {
  const screen = spawn('Xvfb', ['-displayfd', '1', '-screen', '0', '1440x1000x24', '-nolisten', 'tcp'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const failed = new Promise((_, reject) => screen.once('error', reject));
  const number = await Promise.race([failed, new Promise((told) => screen.stdout.once('data', told))]);
  return { screen, display: `:${String(number).trim()}` };
}

export class Stage {
  #screen;
  #driverProcess;
  #env;
  #home;
  #shots = 0;

  /** Sets up the screen and the folders; opens nothing yet. */
  static async set() {
    const stage = new Stage();
    const { screen, display } = await startScreen();
    stage.#screen = screen;
    stage.#home = mkdtempSync(join(process.env.TMPDIR ?? tmpdir(), 'rf-window-'));
    // As root, PostgreSQL runs as another user, who must be able to pass through.
    chmodSync(stage.#home, 0o711);
    stage.#env = {
      ...process.env,
      DISPLAY: display,
      HOME: stage.#home,
      RETAILFLOW_HOME: join(stage.#home, 'data'),
      XDG_DATA_HOME: join(stage.#home, 'xdg'),
      XDG_CACHE_HOME: process.env.XDG_CACHE_HOME ?? join(process.env.HOME, '.cache'),
      // The window's state is its own business, the accessibility bus is the desktop's.
      NO_AT_BRIDGE: '1',
    };
    delete stage.#env.WAYLAND_DISPLAY;
    rmSync(SHOTS, { recursive: true, force: true });
    mkdirSync(SHOTS, { recursive: true });
    return stage;
  }

  /** Opens the app's window through tauri-driver; the page is there when this returns. */
  async open() {
    const [port, native] = [await freePort(), await freePort()];
    const driver = process.env.TAURI_DRIVER ?? 'tauri-driver';
    this.#driverProcess = spawn(driver, ['--port', String(port), '--native-port', String(native)], {
      env: this.#env,
      stdio: 'ignore',
    });
    const gone = new Promise((_, reject) => this.#driverProcess.once('error', reject));
    const capabilities = new Capabilities().setBrowserName('wry').set('tauri:options', { application: APP });
    const opening = eventually('the window', 60_000, () =>
      new Builder().usingServer(`http://127.0.0.1:${port}/`).withCapabilities(capabilities).build().catch(() => null),
    );
    this.window = await Promise.race([opening, gone]);
    await this.at('home');
  }

  /** Closes the window and its driver. */
  async close() {
    await this.window?.quit().catch(() => undefined);
    await this.#endDriver();
  }

  /** Kills the window as a crash would, and its driver, which does not survive that. */
  async crash() {
    const { stdout } = spawnSync('pgrep', ['-f', '-x', APP], { encoding: 'utf8' });
    const ours = stdout.split('\n').filter(Boolean).map(Number).filter((pid) => this.#isOurs(pid));
    if (ours.length !== 1) throw new Error(`one window should be open, there are ${ours.length}`);
    process.kill(ours[0], 'SIGKILL');
    await this.#endDriver();
  }

  #isOurs(pid) {
    const environment = spawnSync('cat', [`/proc/${pid}/environ`], { encoding: 'utf8' }).stdout;
    return environment.includes(`RETAILFLOW_HOME=${this.#env.RETAILFLOW_HOME}\0`);
  }

  async #endDriver() {
    const driver = this.#driverProcess;
    if (!driver || driver.exitCode !== null) return;
    const ended = new Promise((done) => driver.once('exit', done));
    driver.kill('SIGTERM');
    await Promise.race([ended, sleep(5_000)]);
    driver.kill('SIGKILL');
    this.#driverProcess = undefined;
  }

  /** An element that is in the page, by its test id. */
  at(id, limitMs = REACTION_MS) {
    return this.find(`[data-testid="${id}"]`, limitMs);
  }

  /** An element that is in the page, by a selector. */
  find(selector, limitMs = REACTION_MS) {
    return this.window.wait(until.elementLocated(By.css(selector)), limitMs, `${selector} is not in the page`);
  }

  /** Clicks what has a test id, once it can be clicked. */
  async click(id) {
    const element = await this.find(`[data-testid="${id}"]:not(:disabled)`);
    await this.window.executeScript('arguments[0].scrollIntoView({block: "center"})', element);
    await element.click();
  }

  /** Types into what has a test id, in place of what was there. */
  async type(id, text) {
    const element = await this.at(id);
    await element.clear();
    // Leaving the field is what tells the page that it was changed.
    await element.sendKeys(text, Key.TAB);
  }

  /** Saves what the window shows. */
  async shoot(name) {
    // A transition in flight is not what a person would look at.
    await sleep(400);
    const number = String((this.#shots += 1)).padStart(2, '0');
    writeFileSync(join(SHOTS, `${number}-${name}.png`), await this.window.takeScreenshot(), 'base64');
  }

  /** Runs the command line on the same data folder. */
  cli(...args) {
    const { status, stdout, stderr } = spawnSync(CLI, args, { env: this.#env, encoding: 'utf8', timeout: 300_000 });
    return { status, stdout, stderr };
  }

  /** `retailflow status --json`. */
  status(stack) {
    const { status, stdout } = this.cli('status', '--json', '--stack', stack);
    if (status !== 0) throw new Error(`retailflow status ended with ${status}: ${stdout}`);
    return JSON.parse(stdout);
  }

  /** Ends and removes all this run made. */
  async strike() {
    await this.close();
    for (const { config } of JSON.parse(this.cli('status', '--all', '--json').stdout).stacks) {
      this.cli('down', '--yes', '--stack', config.name);
    }
    this.#screen.kill('SIGTERM');
    rmSync(this.#home, { recursive: true, force: true });
  }
}
