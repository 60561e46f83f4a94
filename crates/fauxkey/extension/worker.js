// The extension's background: one WebSocket to fauxkey, and the calls of all pages over it.
//
// Where the browser has chrome.webAuthenticationProxy, it asks us for what its pages want, and judges origins, permissions
// and answers itself. What it does not ask us for (conditional mediation, signals) goes by the shim, as everything does
// in browsers without the proxy.
const api = globalThis.browser ?? globalThis.chrome;
const proxy = api.webAuthenticationProxy;
// More often than browsers end a worker that has nothing to do (30 seconds).
const SIGN_OF_LIFE = 20_000;
const AGAIN = 1_000;
// How long a page is held back that asks before everything is up.
const PATIENCE = 10_000;
// The specification leaves it to us; §15.1 recommends five minutes.
const TIMEOUT = 300_000;

const unreachable = () => ({ error: { name: 'NotAllowedError', message: 'fauxkey cannot be reached' } });

// ---- The line to fauxkey.

const line = {
  socket: undefined,
  connected: false,
  count: 0,
  waiting: new Map(),
  listeners: [],
  async open() {
    if (this.socket) return;
    const pairing = await paired();
    if (!pairing || this.socket) return;
    const url = new URL(pairing.url);
    if (pairing.device) url.searchParams.set('device', pairing.device);
    if (pairing.client) url.searchParams.set('client', pairing.client);
    const socket = new WebSocket(url, ['fauxkey.v1', `fauxkey.token.${pairing.token}`]);
    this.socket = socket;
    socket.onopen = async () => {
      this.connected = true;
      await attach();
      this.changed();
    };
    socket.onmessage = ({ data }) => {
      const { number, reply } = JSON.parse(data);
      this.waiting.get(number)?.(reply);
      this.waiting.delete(number);
    };
    socket.onclose = async () => {
      if (this.socket !== socket) return;
      this.socket = undefined;
      this.connected = false;
      for (const answer of this.waiting.values()) answer(unreachable());
      this.waiting.clear();
      // Without fauxkey the browser's own devices are to work.
      await detach();
      this.changed();
      setTimeout(() => this.open(), AGAIN);
    };
  },
  close() {
    this.socket?.close();
  },
  ask(call) {
    if (!this.connected) return Promise.resolve(unreachable());
    this.count += 1;
    const number = this.count;
    return new Promise((resolve) => {
      this.waiting.set(number, resolve);
      this.socket.send(JSON.stringify({ number, call }));
    });
  },
  say(message) {
    if (this.connected) this.socket.send(JSON.stringify(message));
  },
  changed() {
    for (const listener of this.listeners.splice(0)) listener();
  },
};
setInterval(() => line.say({}), SIGN_OF_LIFE);

// What was typed in counts more than what the package brought.
async function paired() {
  const { pairing } = await api.storage.local.get('pairing');
  if (pairing) return pairing;
  try {
    return await (await fetch(api.runtime.getURL('pairing.json'))).json();
  } catch {
    return undefined;
  }
}

// ---- By which way a page's calls go: 'proxy', 'shim', or 'none' (the browser's own devices).

let attached = false;
let attaching = Promise.resolve();

function attach() {
  attaching = attaching.then(async () => {
    if (!proxy || attached || !line.connected) return;
    try {
      // It resolves with a text where it refuses, as when another extension is attached.
      const refused = await proxy.attach();
      attached = refused === undefined;
      if (!attached) console.warn('fauxkey: not attached, so pages are answered by the shim:', refused);
    } catch (error) {
      console.warn('fauxkey: not attached, so pages are answered by the shim:', error);
    }
  });
  return attaching;
}

function detach() {
  attaching = attaching.then(async () => {
    if (!attached) return;
    attached = false;
    try {
      await proxy.detach();
    } catch {
      // Then it was not attached any more.
    }
  });
  return attaching;
}

async function route() {
  const until = Date.now() + PATIENCE;
  while (!line.connected && Date.now() < until) {
    if (!(await paired())) return 'none';
    line.open();
    const changed = new Promise((resolve) => line.listeners.push(resolve));
    await Promise.race([changed, new Promise((resolve) => setTimeout(resolve, 250))]);
  }
  if (!line.connected) return 'none';
  await attach();
  return attached ? 'proxy' : 'shim';
}

// ---- Pages. A port lives as long as its document.

// What pages have told of what they are about to ask their browser for, by challenge: the proxy does not say which page
// asks, nor its time-out.
const announced = new Map();
let documents = 0;

api.runtime.onConnect.addListener((port) => {
  documents += 1;
  const page = { port, prefix: `${documents}/`, open: new Set() };
  port.onMessage.addListener(async ({ number, call, surroundings }) => {
    const reply = await answer(page, call, surroundings).catch((error) => ({ error: { name: 'NotAllowedError', message: String(error?.message ?? error) } }));
    try {
      port.postMessage({ number, reply });
    } catch {
      // The page has gone.
    }
  });
  port.onDisconnect.addListener(() => {
    page.gone = true;
    for (const end of page.open) end();
  });
});

async function answer(page, call, surroundings) {
  const { sender } = page.port;
  switch (call.type) {
    case 'route':
      return { route: await route() };
    case 'announce': {
      const where = await frame(sender, call.of, surroundings);
      announced.set(call.challenge, { page, where, timeout: call.timeout });
      setTimeout(() => announced.delete(call.challenge), PATIENCE);
      return {};
    }
    case 'cancel': {
      line.ask({ type: 'cancel', id: page.prefix + call.id });
      return {};
    }
    case 'capabilities':
      return line.ask({ type: 'capabilities' });
    case 'signal':
      return line.ask({ type: 'signal', method: call.method, options: call.options, ...(await frame(sender, 'get', surroundings)) });
    case 'create':
    case 'get': {
      const where = await frame(sender, call.type, surroundings);
      const id = page.prefix + call.id;
      const { mediation, options } = call;
      const end = () => line.ask({ type: 'cancel', id });
      if (page.gone) return unreachable();
      page.open.add(end);
      try {
        return await line.ask({ type: call.type, id, mediation, options, ...where });
      } finally {
        page.open.delete(end);
      }
    }
    default:
      throw new Error(`no call of ours: ${call.type}`);
  }
}

// Where a page is: what the browser says of it, never what the page says.
async function frame(sender, type, surroundings) {
  const origin = sender.origin ?? new URL(sender.url).origin;
  const all = await api.webNavigation.getAllFrames({ tabId: sender.tab.id });
  const by = new Map((all ?? []).map((one) => [one.frameId, one]));
  // about:blank and its like have the origin of the frame that made them, which is mostly the one above.
  const origins = [];
  let known = true;
  for (let id = by.get(sender.frameId)?.parentFrameId ?? -1; id >= 0; id = by.get(id)?.parentFrameId ?? -1) {
    const url = by.get(id)?.url ?? '';
    if (/^https?:/.test(url)) origins.push(new URL(url).origin);
    else if (!/^(about:|blob:)/.test(url)) known = false;
  }
  const crossOrigin = !known || origins.some((one) => one !== origin);
  const topOrigin = crossOrigin ? origins.at(-1) : undefined;
  const permitted = surroundings?.permitted ?? (crossOrigin ? await allowed(sender, type, origin, by) : true);
  return { origin, crossOrigin, topOrigin, permitted, secure: surroundings?.secure !== false, activated: surroundings?.activated };
}

// Permissions policy where the browser does not say it in the frame: what the elements of the frames allow, each of them up
// to the first (Firefox knows no header for it).
async function allowed(sender, type, origin, by) {
  let id = sender.frameId;
  let inner = origin;
  while (id > 0) {
    const parent = by.get(id)?.parentFrameId ?? -1;
    if (parent < 0) return false;
    const outer = new URL(by.get(parent).url).origin;
    if (outer !== inner) {
      const element = await api.tabs.sendMessage(sender.tab.id, { ask: 'allow', frame: id }, { frameId: parent }).catch(() => undefined);
      if (!names(element?.allow ?? '', `publickey-credentials-${type}`, inner, element?.src)) return false;
    }
    id = parent;
    inner = outer;
  }
  return true;
}

// Whether an allow attribute gives a feature to an origin (Permissions Policy §9.5). Without a list it is the src's.
function names(allow, feature, origin, src) {
  const source = () => {
    try {
      return new URL(src).origin;
    } catch {
      return undefined;
    }
  };
  for (const directive of allow.split(';')) {
    const [name, ...list] = directive.trim().split(/\s+/);
    if (name !== feature) continue;
    if (list.length === 0) return source() === origin;
    return list.some((one) => one === '*' || one === origin || (one === "'src'" && source() === origin));
  }
  return false;
}

// ---- The proxy: the browser asks us.

if (proxy) {
  const open = new Map();
  const ceremony = async (type, complete, { requestId, requestDetailsJson }) => {
    const options = JSON.parse(requestDetailsJson);
    const told = announced.get(options.challenge);
    announced.delete(options.challenge);
    const override = options.extensions?.remoteDesktopClientOverride;
    if (options.extensions) delete options.extensions.remoteDesktopClientOverride;
    // Its own spelling.
    if (options.extensions?.appIdExclude !== undefined) {
      options.extensions.appidExclude = options.extensions.appIdExclude;
      delete options.extensions.appIdExclude;
    }
    const crossOrigin = override ? !override.sameOriginWithAncestors : !!told?.where.crossOrigin;
    const where = {
      origin: override?.origin ?? told?.where.origin,
      crossOrigin,
      // The proxy does not tell it.
      topOrigin: crossOrigin ? told?.where.topOrigin : undefined,
      // The browser has judged it.
      permitted: true,
    };
    const id = `proxy-${requestId}`;
    let end;
    const ended = new Promise((resolve) => { end = resolve; });
    const cancel = (name, message) => {
      line.ask({ type: 'cancel', id });
      end({ error: { name, message } });
    };
    // Nobody tells us of a page that went, nor of its time-out.
    const left = () => cancel('AbortError', 'the page has gone');
    const timer = setTimeout(() => cancel('NotAllowedError', 'The operation timed out.'), told?.timeout || TIMEOUT);
    told?.page.open.add(left);
    open.set(requestId, () => cancel('AbortError', 'the page called it off'));
    if (told?.page.gone) left();
    const reply = await Promise.race([line.ask({ type, id, options, ...where }), ended]);
    clearTimeout(timer);
    told?.page.open.delete(left);
    open.delete(requestId);
    const refused = reply.error ?? { name: 'NotAllowedError', message: 'fauxkey gave no answer' };
    const response = reply.response && forProxy(type, reply.response);
    try {
      await complete({ requestId, ...(response ? { responseJson: JSON.stringify(response) } : { error: refused }) });
    } catch (error) {
      // A response that the browser does not take would leave the page waiting for ever. What it called off itself is gone.
      const why = { name: 'NotAllowedError', message: `the browser did not take the answer: ${error.message}` };
      await complete({ requestId, error: why }).catch(() => {});
    }
  };
  // What the browser wants to be there, and does not want to be null.
  const forProxy = (type, response) => {
    const whole = { ...response, clientExtensionResults: response.clientExtensionResults ?? {} };
    if (whole.authenticatorAttachment === null) delete whole.authenticatorAttachment;
    if (type === 'create') whole.response = { transports: [], ...whole.response };
    return whole;
  };
  proxy.onCreateRequest.addListener((request) => ceremony('create', (answer) => proxy.completeCreateRequest(answer), request));
  proxy.onGetRequest.addListener((request) => ceremony('get', (answer) => proxy.completeGetRequest(answer), request));
  proxy.onRequestCanceled.addListener((requestId) => open.get(requestId)?.());
  proxy.onIsUvpaaRequest.addListener(async ({ requestId }) => {
    const { platform } = await line.ask({ type: 'capabilities' });
    await proxy.completeIsUvpaaRequest({ requestId, isUvpaa: !!platform }).catch(() => {});
  });
}

// ---- Questions of our own pages.

api.runtime.onMessage.addListener((message, sender, reply) => {
  if (sender.id !== api.runtime.id || sender.tab?.id !== undefined && !sender.url?.startsWith(api.runtime.getURL(''))) return undefined;
  if (message?.ask === 'state') reply({ connected: line.connected, route: attached ? 'the proxy' : 'the shim' });
  if (message?.ask === 'pair') {
    line.close();
    line.open();
    reply({});
  }
  return undefined;
});
// A browser that starts wakes the worker, so that pages do not wait for it.
api.runtime.onStartup.addListener(() => line.open());
api.runtime.onInstalled.addListener(() => line.open());
line.open();
