// For browsers that see a device by `fauxkey exec`, and so do everything themselves. Chromium shows what went wrong in a
// dialog, and tells the page once a person has closed it; here is nobody to do that. So this closes it: `send` carries
// {type: "begin", id} before a ceremony; {type: "watch", id, timeout} promises {error: {name, message}} once the device has
// said no since then, or the time is over; {type: "cancel", id} tells that the ceremony has ended. All else is the browser's
// own doing.
function fauxkeyCloser(send) {
  'use strict';
  const container = globalThis.CredentialsContainer?.prototype;
  const { AbortController, DOMException, Promise, Object, Symbol, crypto } = globalThis;
  const mark = Symbol.for('fauxkey.shim');
  if (!globalThis.isSecureContext || !container || globalThis[mark]) return;
  const prefix = crypto.randomUUID().replace(/-/g, '');
  Object.defineProperty(globalThis, mark, { value: prefix });
  const nothing = () => {};
  let count = 0;
  const close = async (call, options) => {
    const controller = new AbortController();
    const { signal } = options;
    const abort = () => controller.abort(signal.reason);
    if (signal?.aborted) abort();
    signal?.addEventListener('abort', abort, { once: true });
    count += 1;
    const id = `${prefix}-${count}`;
    await Promise.resolve(send({ type: 'begin', id })).catch(nothing);
    const ceremony = call(Object.create(options, { signal: { value: controller.signal, enumerable: true } }));
    const closed = new Promise((_, reject) => {
      Promise.resolve(send({ type: 'watch', id, timeout: Number(options.publicKey.timeout) || 0 })).then((reply) => {
        if (reply?.error) reject(new DOMException(reply.error.message, reply.error.name));
      }).catch(nothing);
    });
    try {
      return await Promise.race([ceremony, closed]);
    } finally {
      signal?.removeEventListener('abort', abort);
      ceremony.catch(nothing);
      controller.abort();
      Promise.resolve(send({ type: 'cancel', id })).catch(nothing);
    }
  };
  for (const type of ['create', 'get']) {
    const native = container[type];
    const method = async function (options) {
      // A conditional ceremony has no dialog.
      if (!options?.publicKey || options.mediation === 'conditional') return native.call(this, options);
      return close((changed) => native.call(this, changed), options);
    };
    Object.defineProperty(method, 'name', { value: type });
    Object.defineProperty(container, type, { value: method, writable: true, configurable: true, enumerable: true });
  }
}
