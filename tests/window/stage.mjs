/** What the test of the real window stands on: the window, a driver for it, a data folder, all of this run's own. */
import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Builder, By, Capabilities, Key, until } from 'selenium-webdriver';
import { unlockKeyring } from './keyring.mjs';
import {
  argumentsWith,
  coloursOn,
  commandOf,
  eventually,
  fakeBrowser,
  filesWith,
  freePort,
  kernelLines,
  processesOf,
  startScreen,
} from './screen.mjs';

const ROOT = resolve(import.meta.dirname, '../..');
const BINARIES = resolve(ROOT, process.env.CARGO_TARGET_DIR ?? 'target', 'debug');
const APP = join(BINARIES, 'retailflow-desktop');
const CLI = join(BINARIES, 'retailflow');
const OUTPUT = join(ROOT, 'test-output', 'window');

/** How long a page may take to react to a click. */
const REACTION_MS = 20_000;

/** How many pictures of the same thing are taken while it moves. */
const MOST_PICTURES = 3;

export class Stage {
  #screen;
  #keyring;
  #driverProcess;
  #env;
  #home;
  #output;
  #shots = 0;

  /**
   * Sets up the screen and the folders; opens nothing yet. Its screenshots are those of `name`. `environment` is the
   * world that the program is to find itself in; with `keyring`, there is one, and otherwise none.
   */
  static async set(name, { environment = {}, keyring = false } = {}) {
    for (const program of [APP, CLI]) {
      if (!existsSync(program)) throw new Error(`${program} is not built: run cargo build --workspace`);
    }
    const stage = new Stage();
    stage.#home = mkdtempSync(join(process.env.TMPDIR ?? tmpdir(), 'rf-window-'));
    // As root, PostgreSQL runs as another user, who must be able to pass through.
    chmodSync(stage.#home, 0o711);
    const { screen, display } = await startScreen(join(stage.#home, 'screen'));
    stage.#screen = screen;
    stage.opened = fakeBrowser(join(stage.#home, 'bin'));
    stage.#holdStill();
    stage.#env = { ...stage.#environment(display), ...environment };
    if (keyring) await stage.#giveKeyring();
    stage.#output = join(OUTPUT, name);
    rmSync(stage.#output, { recursive: true, force: true });
    mkdirSync(stage.#output, { recursive: true });
    return stage;
  }

  /** Asks for no motion, as a user can: what moves can neither be compared nor clicked at leisure. */
  #holdStill() {
    const settings = join(this.#home, 'config', 'gtk-3.0');
    mkdirSync(settings, { recursive: true });
    writeFileSync(join(settings, 'settings.ini'), '[Settings]\ngtk-enable-animations=0\n');
  }

  /** Nothing of the user's own desktop but the packages uv has already fetched, and no account of theirs in AWS. */
  #environment(display) {
    const { WAYLAND_DISPLAY, DBUS_SESSION_BUS_ADDRESS, ...inherited } = process.env;
    const known = Object.entries(inherited).filter(([variable]) => !variable.startsWith('AWS_'));
    const inHome = (folder) => join(this.#home, folder);
    return {
      ...Object.fromEntries(known),
      DISPLAY: display,
      PATH: `${inHome('bin')}:${process.env.PATH}`,
      HOME: this.#home,
      RETAILFLOW_HOME: inHome('data'),
      XDG_DATA_HOME: inHome('share'),
      XDG_CONFIG_HOME: inHome('config'),
      XDG_CACHE_HOME: inHome('cache'),
      UV_CACHE_DIR:
        process.env.UV_CACHE_DIR ?? join(process.env.XDG_CACHE_HOME ?? join(process.env.HOME, '.cache'), 'uv'),
      // There is no session bus and no accessibility bus on this screen; nobody is to start one.
      DBUS_SESSION_BUS_ADDRESS: 'disabled:',
      NO_AT_BRIDGE: '1',
    };
  }

  /** Lets the layer of Python packages be packed once for all tests of a run, those of the command line among them. */
  shareLayers() {
    const [shared, cache] = [join(tmpdir(), 'aws-layers'), join(this.#home, 'data', 'cache')];
    for (const folder of [shared, cache]) mkdirSync(folder, { recursive: true });
    symlinkSync(shared, join(cache, 'images'));
  }

  /** Where screenshots and logs are put. */
  get output() {
    return this.#output;
  }

  /** A session bus with an unlocked keyring on it, which survives the window. */
  async #giveKeyring() {
    this.#env.XDG_RUNTIME_DIR = join(this.#home, 'run');
    this.#keyring = await unlockKeyring(this.#env);
    this.#env.DBUS_SESSION_BUS_ADDRESS = this.#keyring.address;
  }

  /** Opens the app's window through tauri-driver; the page is there when this returns. */
  async open() {
    const [port, native] = [await freePort(), await freePort()];
    const driver = process.env.TAURI_DRIVER ?? 'tauri-driver';
    const log = openSync(join(this.#output, 'driver.log'), 'a');
    this.#driverProcess = spawn(driver, ['--port', String(port), '--native-port', String(native)], {
      env: this.#env,
      stdio: ['ignore', log, log],
    });
    const gone = new Promise((_, reject) => this.#driverProcess.once('error', reject));
    const capabilities = new Capabilities().setBrowserName('wry').set('tauri:options', { application: APP });
    const opening = eventually('the window', 60_000, () =>
      new Builder().usingServer(`http://127.0.0.1:${port}/`).withCapabilities(capabilities).build(),
    );
    this.window = await Promise.race([opening, gone]);
    await this.at('home');
  }

  /** Opens the app's window as users do, with no driver behind it. */
  openAlone() {
    const log = openSync(join(this.#output, 'driver.log'), 'a');
    this.#driverProcess = spawn(APP, [], { env: this.#env, stdio: ['ignore', log, log] });
  }

  /** Whether there is more to be seen on the screen than an empty window. */
  showsSomething() {
    return coloursOn(join(this.#home, 'screen')) > 50;
  }

  /** The processes that show the page. */
  pageProcesses() {
    return processesOf(this.#home).filter((pid) => commandOf(pid)[0]?.endsWith('/WebKitWebProcess'));
  }

  /** Closes the window and its driver. */
  async close() {
    await this.window?.quit().catch(() => undefined);
    await this.#endDriver();
  }

  /** Kills the window as a crash would, and its driver, which does not survive that. */
  async crash() {
    const windows = processesOf(this.#home).filter((pid) => commandOf(pid).join(' ') === APP);
    if (windows.length !== 1) throw new Error(`one window should be open, there are ${windows.length}`);
    process.kill(windows[0], 'SIGKILL');
    await this.#endDriver();
  }

  async #endDriver() {
    const driver = this.#driverProcess;
    this.#driverProcess = undefined;
    this.window = undefined;
    if (!driver || driver.exitCode !== null || driver.signalCode !== null) return;
    const ended = new Promise((done) => driver.once('exit', done));
    driver.kill('SIGTERM');
    await Promise.race([ended, sleep(5_000)]);
    driver.kill('SIGKILL');
  }

  /** Runs a script in the page and waits for what it gives. */
  run(script, ...given) {
    return this.window.executeScript(script, ...given);
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
  async click(id, limitMs = REACTION_MS) {
    const element = await this.find(`[data-testid="${id}"]:not(:disabled)`, limitMs);
    await this.run('arguments[0].scrollIntoView({block: "center"})', element);
    await element.click();
  }

  /** Types into what has a test id, in place of what was there. */
  async type(id, text) {
    const element = await this.at(id);
    await element.clear();
    // Leaving the field is what tells the page that it was changed.
    await element.sendKeys(text, Key.TAB);
  }

  /** Chooses a value of the list that has a test id. */
  async choose(id, value) {
    await (await this.find(`[data-testid="${id}"] option[value="${value}"]`)).click();
  }

  /** What the element with a test id says, once it can be seen. */
  async text(id) {
    const element = await this.at(id);
    await this.window.wait(until.elementIsVisible(element), REACTION_MS, `${id} is not to be seen`);
    return element.getText();
  }

  /** An attribute of every element that a selector finds. */
  async each(selector, attribute) {
    const found = await this.window.findElements(By.css(selector));
    return Promise.all(found.map((element) => element.getAttribute(attribute)));
  }

  /** Saves what the window shows, light and dark. */
  async shoot(name) {
    const number = String((this.#shots += 1)).padStart(2, '0');
    const chosen = await this.run('return document.documentElement.dataset.theme ?? null');
    for (const theme of ['light', 'dark']) {
      await this.#wear(theme);
      const image = await this.#picture();
      writeFileSync(join(this.#output, `${number}-${name}-${theme}.png`), image, 'base64');
    }
    await this.#wear(chosen);
  }

  /** What the window shows once it is painted: two pictures that are the same, or the last of some if it moves. */
  async #picture() {
    await this.window.executeAsyncScript(
      'const [done] = arguments; requestAnimationFrame(() => requestAnimationFrame(done))',
    );
    let image = '';
    for (let taken = 0; taken < MOST_PICTURES; taken += 1) {
      // A transition in flight is not what a person would look at.
      await sleep(300);
      const earlier = image;
      image = await this.window.takeScreenshot();
      if (image === earlier) break;
    }
    return image;
  }

  #wear(theme) {
    return this.run(
      `const [theme] = arguments, { dataset } = document.documentElement;
       if (theme === null) delete dataset.theme; else dataset.theme = theme;`,
      theme,
    );
  }

  /** Runs the command line on the same data folder. */
  cli(...args) {
    return this.#cli(args, this.#env);
  }

  /** Runs it where there is no keyring. */
  cliWithoutKeyring(...args) {
    return this.#cli(args, { ...this.#env, DBUS_SESSION_BUS_ADDRESS: 'disabled:' });
  }

  #cli(args, env) {
    const { status, stdout, stderr } = spawnSync(CLI, args, { env, encoding: 'utf8', timeout: 300_000 });
    return { status, stdout, stderr };
  }

  /** `retailflow status --json`. */
  status(stack) {
    const { status, stdout, stderr } = this.cli('status', '--json', '--stack', stack);
    if (status !== 0) throw new Error(`retailflow status ended with ${status}: ${stdout}${stderr}`);
    return JSON.parse(stdout);
  }

  /** What is left of a stack, found without asking the program: its folders and its processes. */
  remains(stack) {
    const { id, sockets } = this.#identity(stack);
    const processes = processesOf(id).map((pid) => `${pid} ${commandOf(pid).join(' ')}`);
    return [...[join(this.#home, 'data', 'stacks', stack), sockets].filter(existsSync), ...processes];
  }

  /** What names a stack's processes, and where its sockets are: written when it was made, and kept when it is gone. */
  #identity(stack) {
    const text = readFileSync(join(this.#home, 'data', 'identities', stack), 'utf8');
    const value = (key) => text.match(new RegExp(`^${key} = "(.*)"$`, 'm'))[1];
    return { id: value('id'), sockets: value('sockets') };
  }

  /** Of every stack of this run. */
  #identities() {
    const folder = join(this.#home, 'data', 'identities');
    return (existsSync(folder) ? readdirSync(folder) : []).map((stack) => this.#identity(stack));
  }

  /** What is known of a failure beyond what the test saw: last words of the window and of the kernel, and who lives. */
  testimony() {
    const words = (title, lines) => [`${title}:`, ...lines.slice(-20).map((line) => `  ${line}`)];
    const log = join(this.#output, 'driver.log');
    const driver = existsSync(log) ? readFileSync(log, 'utf8').split('\n').filter(Boolean) : [];
    return [
      ...words('The window and its driver said', driver),
      ...words('The kernel said', kernelLines(/WebKit|retailflow|segfault|trap|oom|Out of memory/)),
      ...words('There run', this.processes()),
    ].join('\n');
  }

  /** What runs of this run but its keyring. */
  processes() {
    const commands = this.#pids().map(commandOf);
    return commands.filter((command) => !this.#keyring?.isPart(command)).map((command) => command.join(' '));
  }

  #pids() {
    const known = [this.#home, ...this.#identities().map(({ id }) => id)];
    return [...new Set(known.flatMap(processesOf))];
  }

  /** Where a secret is seen: in files of this run, in a process's arguments, in the page. */
  async sightings(secret) {
    const page = await this.run(
      `return document.documentElement.outerHTML +
        [...document.querySelectorAll('input, textarea')].map((field) => field.value).join('\\n')`,
    );
    return [...filesWith(secret, this.#home), ...argumentsWith(secret), ...(page.includes(secret) ? ['the page'] : [])];
  }

  /** Ends and removes all this run made. */
  async strike() {
    await this.close();
    const folder = join(this.#home, 'data', 'stacks');
    const stacks = existsSync(folder) ? readdirSync(folder) : [];
    for (const stack of stacks) this.cli('down', '--yes', '--stack', stack);
    // Whatever WebKit or a failed teardown left: it knows this run's folder or one of its stacks, so it is this run's.
    for (const pid of this.#pids()) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended meanwhile.
      }
    }
    for (const { sockets } of this.#identities()) {
      rmSync(sockets, { recursive: true, force: true });
    }
    this.#keyring?.end();
    this.#screen.kill('SIGTERM');
    rmSync(this.#home, { recursive: true, force: true });
  }
}
