/** The offline AWS of tests/rig as the window's test needs it, with a public registry that has the stack's images. */
import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, firstLine, freePort } from './screen.mjs';

const RIG = resolve(import.meta.dirname, '../rig');

/** How long the registry may take to start, and each part to end. */
const START_MS = 60_000;
const END_MS = 10_000;

export class Cloud {
  #folder = mkdtempSync(join(tmpdir(), 'rf-window-cloud-'));
  #parts = [];
  #publicRegistry;
  #content;

  /** Starts everything. */
  static async start() {
    const cloud = new Cloud();
    try {
      await cloud.#startRig();
      await cloud.#publishImages();
    } catch (error) {
      await cloud.end();
      throw error;
    }
    return cloud;
  }

  async #startRig() {
    const python = process.env.RETAILFLOW_TEST_RIG_PYTHON;
    if (!python) throw new Error('RETAILFLOW_TEST_RIG_PYTHON must name the Python of the rig, see tests/rig/README.md');
    const rig = spawn(python, ['-m', 'retailflow_rig.up', '--state-dir', this.#path('rig')], {
      env: { ...process.env, PYTHONPATH: RIG },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#parts.push(rig);
    this.#content = JSON.parse(readFileSync(await firstLine(rig), 'utf8'));
  }

  /** A registry that anybody may read, as the public ones are, with a small image for each of the stack's. */
  async #publishImages() {
    const port = await freePort();
    const config = {
      version: 0.1,
      log: { level: 'error' },
      storage: { filesystem: { rootdirectory: this.#path('public') } },
      http: { addr: `127.0.0.1:${port}` },
    };
    // What is JSON is YAML as well.
    writeFileSync(this.#path('public.yml'), JSON.stringify(config));
    this.#publicRegistry = spawn('docker-registry', ['serve', this.#path('public.yml')], { stdio: 'ignore' });
    this.#parts.push(this.#publicRegistry);
    await eventually('the public registry', START_MS, () => answers(port));
    run('umoci', 'init', '--layout', this.#path('layout'));
    const sources = ['postgres', 'metabase', 'dagster'].map((name) => `${name} = "${this.#publish(name, port)}"\n`);
    writeFileSync(this.#path('images.toml'), sources.join(''));
    writeFileSync(this.#path('function'), aProgram());
  }

  /** Makes an image with one file and pushes it; gives what names it for good. */
  #publish(name, port) {
    const image = `${this.#path('layout')}:${name}`;
    writeFileSync(this.#path(name), `the image of ${name}\n`.repeat(1000));
    run('umoci', 'new', '--image', image);
    run('umoci', 'insert', '--image', image, this.#path(name), '/etc/name');
    const repository = `127.0.0.1:${port}/library/${name}`;
    run('skopeo', 'copy', '--quiet', '--dest-tls-verify=false', `oci:${image}`, `docker://${repository}:1`);
    const digest = run(
      'skopeo',
      'inspect',
      '--tls-verify=false',
      '--format',
      '{{.Digest}}',
      `docker://${repository}:1`,
    );
    return `${repository}@${digest.trim()}`;
  }

  #path(name) {
    return join(this.#folder, name);
  }

  /** What a program needs to be in this world: signed in to its account, its registry and its provider at hand. */
  get environment() {
    return {
      ...this.#content.environment,
      RETAILFLOW_IMAGES: this.#path('images.toml'),
      RETAILFLOW_FUNCTION: this.#path('function'),
    };
  }

  /** The account's number. */
  get account() {
    return this.#content.account;
  }

  /** Speaks to the rig's controls. */
  async #ask(method, path, body) {
    const response = await fetch(this.#content.endpoint + path, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text ? JSON.parse(text) : null;
  }

  /** Calls AWS as somebody at its console would: behind the stack's back. */
  async #call(service, target, body) {
    const scope = `AKIA/20260101/${this.#content.region}/${service}/aws4_request`;
    const response = await fetch(this.#content.endpoint, {
      method: 'POST',
      headers: {
        Authorization: `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=0`,
        'Content-Type': 'application/x-amz-json-1.1',
        'X-Amz-Target': target,
      },
      body: JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${target}: ${response.status} ${text}`);
    return text ? JSON.parse(text) : null;
  }

  /** What is in the account beyond a fresh one, as `service kind id`. */
  async remains() {
    const found = await this.#ask('GET', '/rig/remains');
    return found.map(({ service, kind, id }) => `${service} ${kind} ${id}`).sort();
  }

  /** Keeps the public registry from answering, for at most as long as whoever asks it is patient: a minute. */
  holdImages() {
    this.#publicRegistry.kill('SIGSTOP');
  }

  releaseImages() {
    this.#publicRegistry.kill('SIGCONT');
  }

  /** Has calls go wrong. */
  async order(fault) {
    await this.#ask('POST', '/rig/faults', fault);
  }

  /** How often an ordered fault has struck, by `service:action`. */
  async struck() {
    return Object.assign({}, ...(await this.#ask('GET', '/rig/faults')).map(({ struck }) => struck));
  }

  /** Does what the host of Airbyte does once it has installed it, which takes half an hour there. */
  async installAirbyte(stack) {
    const SecretString = JSON.stringify({ 'Client-Id': 'rig', 'Client-Secret': 'rig' });
    await this.#call('secretsmanager', 'secretsmanager.PutSecretValue', {
      SecretId: `${stack}/airbyte`,
      ClientRequestToken: crypto.randomUUID(),
      SecretString,
    });
  }

  async disableRule(name) {
    await this.#call('events', 'AWSEvents.DisableRule', { Name: name });
  }

  /** Whether a rule fires. */
  async isEnabled(name) {
    return (await this.#call('events', 'AWSEvents.DescribeRule', { Name: name })).State === 'ENABLED';
  }

  /** Ends all parts: the rig with its input, the registry when it is told to. Keeps the rig's logs in a folder. */
  async end(logs) {
    this.#publicRegistry?.kill('SIGCONT');
    for (const part of this.#parts.reverse()) {
      if (part.exitCode !== null || part.signalCode !== null) continue;
      const ended = new Promise((done) => part.once('exit', done));
      if (part.stdin) part.stdin.end();
      else part.kill('SIGTERM');
      await Promise.race([ended, sleep(END_MS)]);
      part.kill('SIGKILL');
    }
    for (const name of ['cloud.log', 'provider.log']) {
      const log = join(this.#path('rig'), name);
      if (logs && existsSync(log)) copyFileSync(log, join(logs, name));
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** The head of a program for Linux on x86-64, which is all that is looked at: the rig runs no function. */
function aProgram() {
  const program = Buffer.alloc(64);
  program.write('\x7fELF\x02\x01', 'latin1');
  program[18] = 62;
  return program;
}

function answers(port) {
  return new Promise((told) => {
    const socket = connect(port, '127.0.0.1', () => socket.end(() => told(true)));
    socket.once('error', () => told(false));
  });
}

function run(program, ...args) {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (error) throw new Error(`${program} must be installed (Debian: apt install ${program})`, { cause: error });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
  return stdout;
}
