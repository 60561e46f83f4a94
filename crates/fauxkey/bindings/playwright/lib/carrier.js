'use strict';
// What is between a page and the phone. By bindings, an init script answers a page's WebAuthn calls (shim.js), a binding
// carries them out of the page without its network, and the instance does what a browser would. Which page asks is what
// Playwright says, and never what the page says.
const fs = require('node:fs');
const path = require('node:path');
const { Watcher } = require('./watch');

const BINDING = '__fauxkey';
const attached = new WeakSet();
/** By `exec` a browser does everything itself, and only its dialogs are to be closed. */
const SCRIPTS = { bindings: ['shim.js', 'fauxkeyShim'], exec: ['closer.js', 'fauxkeyCloser'] };

function script(route) {
  const [file, name] = SCRIPTS[route];
  const text = fs.readFileSync(path.join(__dirname, '..', file), 'utf8');
  // A page is not to find the way out under its name, nor the function.
  return `(() => {${text}
    const send = globalThis.${BINDING};
    if (!send) return;
    delete globalThis.${BINDING};
    ${name}((message) => send(message));
  })();`;
}

/** Shows the phone to every page of a context, those that are open already included. */
async function attach(context, phone) {
  if (attached.has(context)) return;
  attached.add(context);
  const running = new Map();
  await context.exposeBinding(BINDING, ({ page, frame }, message) => answer(phone, running, page, frame, message));
  const content = script(phone.route);
  await context.addInitScript({ content });
  const follow = (page) => {
    // A ceremony ends with the document that asked (WebAuthn Level 3 §5.1.3 step 19 and others).
    page.on('framenavigated', (frame) => leave(running, frame));
    page.on('framedetached', (frame) => cancel(running, (ceremony) => ceremony.frame === frame));
    page.on('close', () => cancel(running, (ceremony) => ceremony.page === page));
  };
  context.on('page', follow);
  for (const page of context.pages()) {
    follow(page);
    for (const frame of page.frames()) await frame.evaluate(content).catch(() => {});
  }
}

function cancel(running, isOver) {
  for (const [id, ceremony] of running) {
    if (isOver(ceremony)) {
      running.delete(id);
      ceremony.controller.abort();
      ceremony.watcher?.end();
    }
  }
}

/** A frame that went to another place in the same document has the same shim. */
async function leave(running, frame) {
  const theirs = [...running.entries()].filter(([, ceremony]) => ceremony.frame === frame);
  if (theirs.length === 0) return;
  const now = await frame.evaluate(() => globalThis[Symbol.for('fauxkey.shim')]).catch(() => undefined);
  for (const [id, ceremony] of theirs) {
    if (id.slice(0, id.lastIndexOf('-')) !== now) cancel(running, (one) => one === ceremony);
  }
}

async function answer(phone, running, page, frame, message) {
  switch (message?.type) {
    case 'create':
    case 'get':
      return ceremony(phone, running, page, frame, message);
    case 'begin':
      running.set(message.id, { id: message.id, page, frame, controller: new AbortController(), watcher: await Watcher.begin(phone) });
      return {};
    case 'watch':
      return watched(running, message);
    case 'cancel':
      cancel(running, (ceremony) => ceremony.frame === frame && ceremony.id === message.id);
      return {};
    case 'capabilities':
      return capabilities(phone);
    case 'signal':
      await signal(phone, await originOf(page, frame), message).catch(() => {});
      return {};
    default:
      return refused('NotSupportedError', 'fauxkey does not know this call.');
  }
}

const refused = (name, message) => ({ error: { name, message } });

async function ceremony(phone, running, page, frame, message) {
  const { id, type, options, mediation } = message;
  const origin = await originOf(page, frame);
  // A sandboxed frame has an origin of its own, which is nobody's.
  if (!origin || origin !== message.origin) return refused('NotAllowedError', 'This origin has no passkeys.');
  const above = [];
  for (let parent = frame.parentFrame(); parent; parent = parent.parentFrame()) above.push(await originOf(page, parent));
  const crossOrigin = above.some((one) => one !== origin);
  const controller = new AbortController();
  const entry = { id, page, frame, controller };
  running.set(id, entry);
  try {
    if (mediation === 'conditional') await untilThereIsOne(phone, options, origin, controller.signal);
    const body = { id, type, origin, options, crossOrigin, topOrigin: crossOrigin ? above[above.length - 1] ?? undefined : undefined, account: phone.account, ...phone.client };
    return await phone.request('POST', '/ceremonies', body, controller.signal);
  } catch (error) {
    if (controller.signal.aborted) return refused('AbortError', 'The operation was aborted.');
    // What is wrong with fauxkey is for whoever reads the test's output, too.
    console.error(`fauxkey-playwright: ${error.message}`);
    return refused('NotAllowedError', error.message);
  } finally {
    if (running.get(id) === entry) running.delete(id);
  }
}

/** The browser's own ceremony. */
async function watched(running, { id, timeout }) {
  const ceremony = running.get(id);
  if (!ceremony?.watcher) return {};
  try {
    return await ceremony.watcher.watch(timeout, ceremony.controller.signal);
  } finally {
    if (running.get(id) === ceremony) running.delete(id);
  }
}

/** A conditional ceremony waits until the phone has a passkey to offer; its user then takes it from the list. */
async function untilThereIsOne(phone, options, origin, signal) {
  const rpId = options.rpId ?? new URL(origin).hostname;
  for (;;) {
    const passkeys = await phone.request('GET', '/passkeys', undefined, signal);
    if (passkeys.some((passkey) => passkey.rpId === rpId)) return;
    await new Promise((resolve) => { setTimeout(resolve, 100); });
    signal.throwIfAborted();
  }
}

async function originOf(page, frame) {
  const url = frame.url();
  if (url === '' || url.startsWith('about:')) {
    const parent = frame.parentFrame();
    if (parent) return originOf(page, parent);
    const opener = await page.opener();
    return opener ? originOf(opener, opener.mainFrame()) : undefined;
  }
  try {
    return new URL(url.startsWith('blob:') ? url.slice('blob:'.length) : url).origin;
  } catch {
    return undefined;
  }
}

/** What its profile has, or what it was told to be. */
async function capabilities(phone) {
  const { hasUserVerification, profile } = await phone.device();
  const { link } = phone.client;
  const { toml } = await phone.profileText(profile);
  const reached = (name, table) => (link === undefined ? toml.includes(`[seen.${table}]`) : link === name);
  return { platform: hasUserVerification && reached('internal', 'same-device'), conditional: true, hybrid: reached('hybrid', 'hybrid') };
}

/** What relying parties say of their passkeys (WebAuthn Level 3 §5.1.10), for RP IDs that are theirs. */
async function signal(phone, origin, { method, options }) {
  const host = new URL(origin).hostname;
  const { rpId } = options;
  if (host !== rpId && !host.endsWith(`.${rpId}`)) return;
  const theirs = (await phone.passkeys()).filter((passkey) => passkey.rpId === rpId);
  const remove = async (gone) => { for (const passkey of theirs.filter(gone)) await phone.removePasskey(passkey); };
  if (method === 'signalUnknownCredential') {
    await remove((passkey) => passkey.credentialId === options.credentialId);
  } else if (method === 'signalAllAcceptedCredentials') {
    const accepted = options.allAcceptedCredentialIds;
    await remove((passkey) => passkey.userHandle === options.userId && !accepted.includes(passkey.credentialId));
  } else if (method === 'signalCurrentUserDetails') {
    for (const passkey of theirs.filter((one) => one.userHandle === options.userId)) {
      const names = { userName: options.name, userDisplayName: options.displayName };
      await phone.request('PATCH', `/passkeys/${encodeURIComponent(passkey.credentialId)}`, names);
    }
  }
}

module.exports = { attach };
