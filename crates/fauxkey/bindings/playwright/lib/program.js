'use strict';
// The fauxkey program: where it is, and an instance of it that belongs to one test.
const { execFile, spawn } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { promisify } = require('node:util');
const { FauxkeyError } = require('./api');

/** Milliseconds in which an instance comes up, or ends. */
const PATIENCE = 30_000;
/** The longest path of a socket is 107 bytes (unix(7)); under a home, 28 of them are ours. */
const LONGEST_FOLDER = 60;

const program = (named) => named ?? process.env.FAUXKEY_BIN ?? 'fauxkey';

/** The environment without the settings of other instances. */
function surroundings(home) {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('FAUXKEY_'));
  return { ...Object.fromEntries(kept), FAUXKEY_HOME: home, NO_COLOR: '1' };
}

async function run(named, home, ...args) {
  try {
    const { stdout } = await promisify(execFile)(program(named), args, { env: surroundings(home), maxBuffer: 1 << 28 });
    return stdout;
  } catch (error) {
    if (error.code === 'ENOENT') throw missing(named);
    throw new FauxkeyError((error.stderr || error.message).trim().replace(/^fauxkey: /, ''));
  }
}

function missing(named) {
  return new FauxkeyError(`there is no program ${program(named)}`, { hint: 'put fauxkey into PATH, or name it in FAUXKEY_BIN' });
}

/** A folder for one run: the instance's home, traces, and nothing that stays. */
function temporaryHome() {
  const usual = os.tmpdir();
  const base = usual.length > LONGEST_FOLDER && fs.existsSync('/tmp') ? '/tmp' : usual;
  return fs.mkdtempSync(path.join(base, 'fauxkey-'));
}

/**
 * The variables that show the devices of a home to a program that is started with them, by `fauxkey exec --print-env`.
 * Linux alone has them.
 */
async function environment(home, { program: named } = {}) {
  return JSON.parse(await run(named, home, 'exec', '--print-env', '--json'));
}

/** An instance that keeps nothing, and ends with this process at the latest. */
class Instance {
  /** `onExec`: whether programs of {@link environment} are to see it. */
  static async start({ program: named, home, profile, name, seed, onExec }) {
    const folder = fs.mkdtempSync(path.join(home, 'test-'));
    const ready = path.join(folder, 'ready.json');
    const traceFile = path.join(folder, 'trace.jsonl');
    const args = ['run', '--ephemeral', '--exit-with-parent', '--ready-file', ready, '--trace', traceFile];
    args.push('--device', `${name}=${profile}`, '--attach', onExec ? 'exec' : 'socket');
    if (seed !== undefined) args.push('--seed', String(seed));
    const child = spawn(program(named), args, { env: surroundings(home), stdio: ['ignore', 'ignore', 'pipe'] });
    const instance = new Instance(child, { named, home, folder, traceFile });
    try {
      instance.ready = await instance.untilReady(ready);
    } catch (error) {
      await instance.stop();
      throw error;
    }
    return instance;
  }

  constructor(child, { named, home, folder, traceFile }) {
    Object.assign(this, { child, named, home, folder, traceFile, said: '' });
    child.stderr.setEncoding('utf8').on('data', (text) => { this.said = (this.said + text).slice(-20_000); });
    this.ended = new Promise((resolve) => {
      child.once('error', (error) => resolve(error));
      child.once('close', () => resolve(undefined));
    });
    this.isOver = false;
    this.ended.then((error) => { this.isOver = true; this.failure = error; });
  }

  async untilReady(file) {
    const deadline = Date.now() + PATIENCE;
    for (;;) {
      // It is put there as a whole.
      if (fs.existsSync(file)) return JSON.parse(fs.readFileSync(file, 'utf8'));
      if (this.failure?.code === 'ENOENT') throw missing(this.named);
      if (this.isOver) throw new FauxkeyError(`fauxkey did not come up: ${this.said.trim() || this.failure}`);
      if (Date.now() > deadline) throw new FauxkeyError(`fauxkey did not come up in time: ${this.said.trim()}`);
      await new Promise((resolve) => { setTimeout(resolve, 10); });
    }
  }

  /** What passed so far, a line a message. */
  async trace() {
    if (!fs.existsSync(this.traceFile) || fs.statSync(this.traceFile).size === 0) return '';
    return run(this.named, this.home, 'trace', this.traceFile);
  }

  /** Ends it, and returns when it has ended: another one may then have the home. */
  async stop() {
    if (!this.isOver) this.child.kill('SIGTERM');
    const late = setTimeout(() => this.child.kill('SIGKILL'), PATIENCE);
    await this.ended;
    clearTimeout(late);
  }
}

module.exports = { Instance, environment, temporaryHome };
