'use strict';
const fs = require('node:fs');
const { randomBytes, randomInt } = require('node:crypto');
const { Api, FauxkeyError } = require('./api');
const { Instance, environment, temporaryHome } = require('./program');
const { attach } = require('./carrier');

const DEFAULT_PROFILE = 'ms-authenticator-ios';
/** Milliseconds in which nobody answers. */
const A_MOMENT = 250;

class Phone {
  #api; #instance; #temporary; #environment; #device;

  static async start(options = {}) {
    const { profile = DEFAULT_PROFILE, program, name = 'phone' } = options;
    const url = options.url ?? process.env.FAUXKEY_URL;
    const route = options.route ?? (process.platform === 'linux' && !url ? 'exec' : 'bindings');
    if (!['exec', 'bindings'].includes(route)) throw new FauxkeyError(`there is no route ${route}: there are exec and bindings`);
    if (url) return Phone.#join(url, options, profile, route);
    const seed = options.seed ?? seedOfEnvironment() ?? randomInt(2 ** 31);
    const temporary = options.home === undefined;
    const home = options.home ?? temporaryHome();
    const phone = new Phone({ name, profile, route, seed, options });
    if (temporary) phone.#temporary = home;
    try {
      // Before there is a device, so that the folder is there which browsers look into.
      if (route === 'exec') phone.#environment = await environment(home, { program });
      phone.#instance = await Instance.start({ program, home, profile, name, seed, onExec: route === 'exec' });
      const { url: at, token } = phone.#instance.ready;
      phone.#api = new Api(at, token);
      if (options.user) await phone.user(options.user);
    } catch (error) {
      await phone.stop();
      throw error;
    }
    return phone;
  }

  /** A device of its own on an instance that runs already, as in a service container. */
  static async #join(url, options, profile, route) {
    if (route === 'exec') throw new FauxkeyError(`the devices of ${url} cannot be shown by exec`, { hint: 'leave route out, or let the phone start an instance of its own' });
    const token = options.token ?? process.env.FAUXKEY_TOKEN;
    if (!token) throw new FauxkeyError(`there is no token for ${url}`, { hint: 'give token, or set FAUXKEY_TOKEN' });
    const name = options.name ?? `test-${randomBytes(6).toString('hex')}`;
    const phone = new Phone({ name, profile, route, seed: undefined, options });
    phone.#api = new Api(url, token);
    await phone.#api.request('POST', '/devices', { name, profile });
    if (options.user) await phone.user(options.user);
    return phone;
  }

  constructor({ name, profile, route, seed, options }) {
    Object.assign(this, { name, profile, route, seed });
    this.#device = `/devices/${encodeURIComponent(name)}`;
    Object.defineProperty(this, 'client', { value: { client: options.client, link: options.link } });
  }

  get url() { return this.#api.url; }

  get token() { return this.#api.token; }

  get traceFile() { return this.#instance?.traceFile; }

  env(base = process.env) {
    return { ...base, ...this.#environment };
  }

  async attach(context) {
    await attach(context, this);
  }

  /** A request about this device; `path` begins with a slash, or is empty. */
  request(method, path, body, signal) {
    return this.#api.request(method, this.#device + path, body, signal);
  }

  device() { return this.request('GET', ''); }

  profileText(profile) { return this.#api.request('GET', `/profiles/${encodeURIComponent(profile)}`); }

  async addFinger(name) { return this.request('POST', '/fingers', name === undefined ? {} : { name }); }

  passkeys() { return this.request('GET', '/passkeys'); }

  addPasskey({ userHandle = randomBytes(16).toString('base64url'), ...passkey }) {
    return this.request('POST', '/passkeys', { userHandle, ...passkey });
  }

  async removePasskey(passkey) {
    const id = typeof passkey === 'string' ? passkey : passkey.credentialId;
    await this.request('DELETE', `/passkeys/${encodeURIComponent(id)}`);
  }

  async user(answer, { delay = 0 } = {}) {
    await this.request('PUT', '/user', { answer, delayMs: delay });
    // Where the phone does not choose by itself, the browser does for its user.
    this.account = typeof answer === 'object' ? String(answer.account) : undefined;
  }

  approve(options) { return this.user('approve', options); }

  // Firefox asks again at once for as long as it is denied, and hears nothing else while nobody takes time to answer.
  deny({ delay = this.route === 'exec' ? A_MOMENT : 0 } = {}) { return this.user('deny', { delay }); }

  ignore() { return this.user('ignore'); }

  ask() { return this.user('ask'); }

  wrongFinger({ delay = this.route === 'exec' ? A_MOMENT : 0 } = {}) { return this.user('wrong-finger', { delay }); }

  choose(account, options) { return this.user({ account }, options); }

  async script(steps, otherwise) {
    await this.request('PUT', '/script', otherwise === undefined ? { steps } : { steps, otherwise });
  }

  async prompt({ timeout = 30_000 } = {}) {
    const deadline = Date.now() + timeout;
    for (;;) {
      const wait = Math.min(30_000, Math.max(0, deadline - Date.now()));
      const prompt = await this.request('GET', `/prompt?waitMs=${wait}`);
      if (prompt) return prompt;
      if (Date.now() >= deadline) throw new FauxkeyError(`${this.name} was not asked anything in ${timeout} ms`);
    }
  }

  async answer(prompt, gesture) {
    await this.request('POST', '/prompt', { number: typeof prompt === 'number' ? prompt : prompt.number, gesture });
  }

  async fault(fault, options = {}) {
    const armed = await this.request('POST', '/faults', { fault, ...options });
    return { ...armed, remove: () => this.request('DELETE', `/faults/${encodeURIComponent(armed.id)}`) };
  }

  faults() { return this.request('GET', '/faults'); }

  async clearFaults() { await this.request('DELETE', '/faults'); }

  async power(power) { await this.request('POST', '/power', { power }); }

  async advanceClock(milliseconds) { await this.request('POST', '/clock', { advanceMs: milliseconds }); }

  async reset() { await this.request('POST', '/reset'); }

  async trace() { return this.#instance ? this.#instance.trace() : ''; }

  replay(command) {
    return this.seed === undefined ? command : `FAUXKEY_SEED=${this.seed} ${command}`;
  }

  /** Ends the device. Its trace is there until {@link Phone.stop}. */
  async end() {
    if (this.#instance) await this.#instance.stop();
    else if (this.#api) await this.request('DELETE', '').catch(() => {});
  }

  /** Ends the device, and removes what is left of it on disk, its trace included. */
  async stop() {
    await this.end();
    for (const folder of [this.#instance?.folder, this.#temporary]) {
      if (folder) fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    }
  }

  async [Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose')]() { await this.stop(); }
}

function seedOfEnvironment() {
  const text = process.env.FAUXKEY_SEED;
  if (!text) return undefined;
  if (!/^\d{1,15}$/.test(text)) throw new FauxkeyError(`FAUXKEY_SEED is ${text}, and no number of up to 15 digits`);
  return Number(text);
}

module.exports = { Phone };
