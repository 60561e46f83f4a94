// Answers a page's WebAuthn calls by a fauxkey device, where the browser itself cannot be shown one. It runs in the
// page's own world before any of the page's scripts: brought by an extension, or by a harness as an init script.
//
// `fauxkeyShim(send)` replaces what the page sees. `send` carries one message to whoever has the device, and promises the
// reply. Both are JSON; whatever is bytes is base64url without padding, as in WebAuthn Level 3 §5.1.8 and §5.1.9.
//
//   {type: "create" | "get", id, origin, topOrigin?, crossOrigin, mediation?, options}
//                                   -> {response} or {error: {name, message}}
//   {type: "cancel", id}            -> anything; the ceremony of that id is over
//   {type: "capabilities"}          -> {platform: bool, conditional: bool, hybrid: bool}
//   {type: "signal", method, origin, options} -> anything
//
// Where the browser's own methods may do as well, `{mayBeNative: true}` has the shim ask first:
//
//   {type: "route"}                 -> {route: "shim" | "proxy" | "none"}
//   {type: "announce", of, challenge, timeout} -> anything, before the browser is asked and asks the proxy in its turn
//
// "none" leaves everything to the browser, "proxy" all but what a proxy does not hear of: conditional mediation, signals.
//
// What a page says of its own origin is never to be believed by a carrier that can know better. RP ID, public suffix and
// permissions policy are not judged here, but by fauxkey, which is told all that is needed for it.
function fauxkeyShim(send, options) {
  'use strict';
  const mayBeNative = options?.mayBeNative === true;
  // A page may change what is global after this has run.
  const { DOMException, Promise, TypeError, ArrayBuffer, Uint8Array, JSON, Object, Array, Error, Symbol, crypto } = globalThis;
  const { atob, btoa, setTimeout, clearTimeout, structuredClone } = globalThis;
  // WebAuthn exists in secure contexts only. One page gets one shim, whoever brings it.
  if (!globalThis.isSecureContext || globalThis[Symbol.for('fauxkey.shim')]) return;

  const fromCharCode = String.fromCharCode;

  const isBytes = (value) => value instanceof ArrayBuffer || ArrayBuffer.isView(value)
    // Bytes out of another frame are of another ArrayBuffer.
    || Object.prototype.toString.call(value) === '[object ArrayBuffer]';
  const encode = (bytes) => {
    const view = ArrayBuffer.isView(bytes) ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength) : new Uint8Array(bytes);
    let text = '';
    for (const byte of view) text += fromCharCode(byte);
    return btoa(text).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
  };
  const decode = (text) => {
    const plain = atob(text.replace(/-/g, '+').replace(/_/g, '/'));
    const bytes = new Uint8Array(plain.length);
    for (let at = 0; at < plain.length; at += 1) bytes[at] = plain.charCodeAt(at);
    return bytes.buffer;
  };
  const toJson = (value) => {
    if (isBytes(value)) return encode(value);
    if (Array.isArray(value)) return value.map(toJson);
    if (value === null || typeof value !== 'object') return value;
    const plain = {};
    // Members that stand on a prototype count, as they do for WebIDL dictionaries.
    for (const name in value) {
      const member = value[name];
      if (member !== undefined && typeof member !== 'function') plain[name] = toJson(member);
    }
    return plain;
  };

  // What WebIDL asks of the two dictionaries (WebAuthn Level 3 §5.4 and §5.5).
  const check = (type, options) => {
    const fail = (what) => { throw new TypeError(`cannot ${type} a credential: publicKey.${what}`); };
    if (typeof options !== 'object' || options === null) throw new TypeError(`cannot ${type} a credential: publicKey is no object`);
    if (!isBytes(options.challenge)) fail('challenge is no BufferSource');
    const descriptors = (name) => {
      for (const one of options[name] ?? []) {
        if (!isBytes(one?.id)) fail(`${name} has an id that is no BufferSource`);
        if (one.type === undefined) fail(`${name} has no type`);
      }
    };
    if (type === 'get') {
      descriptors('allowCredentials');
    } else {
      if (typeof options.rp?.name !== 'string') fail('rp.name is required');
      if (!isBytes(options.user?.id)) fail('user.id is no BufferSource');
      if (options.user.name === undefined) fail('user.name is required');
      if (options.user.displayName === undefined) fail('user.displayName is required');
      if (!options.pubKeyCredParams?.[Symbol.iterator]) fail('pubKeyCredParams is required');
      // §5.1.3 step 4.
      const length = options.user.id.byteLength;
      if (length < 1 || length > 64) fail('user.id is not of 1 to 64 bytes');
      descriptors('excludeCredentials');
    }
  };

  const Native = globalThis.PublicKeyCredential;
  const made = (constructor, members) => {
    const object = Object.create(constructor?.prototype ?? Object.prototype);
    for (const [name, value] of Object.entries(members)) {
      Object.defineProperty(object, name, { value, enumerable: true, configurable: true });
    }
    return object;
  };
  // Outputs of extensions that are bytes for a page (§10.1).
  const outputs = (json) => {
    const results = structuredClone(json ?? {});
    for (const salt of ['first', 'second']) {
      if (typeof results.prf?.results?.[salt] === 'string') results.prf.results[salt] = decode(results.prf.results[salt]);
    }
    if (typeof results.largeBlob?.blob === 'string') results.largeBlob.blob = decode(results.largeBlob.blob);
    if (typeof results.getCredBlob === 'string') results.getCredBlob = decode(results.getCredBlob);
    return results;
  };
  const credential = (json) => {
    const { response } = json;
    const clientDataJSON = decode(response.clientDataJSON);
    const inner = response.attestationObject === undefined
      ? made(globalThis.AuthenticatorAssertionResponse, {
        clientDataJSON,
        authenticatorData: decode(response.authenticatorData),
        signature: decode(response.signature),
        userHandle: response.userHandle ? decode(response.userHandle) : null,
      })
      : made(globalThis.AuthenticatorAttestationResponse, {
        clientDataJSON,
        attestationObject: decode(response.attestationObject),
        getAuthenticatorData: () => decode(response.authenticatorData),
        getPublicKey: () => (response.publicKey ? decode(response.publicKey) : null),
        getPublicKeyAlgorithm: () => response.publicKeyAlgorithm,
        getTransports: () => [...(response.transports ?? [])],
      });
    return made(Native, {
      id: json.id,
      type: 'public-key',
      rawId: decode(json.rawId ?? json.id),
      authenticatorAttachment: json.authenticatorAttachment ?? null,
      response: inner,
      getClientExtensionResults: () => outputs(json.clientExtensionResults),
      toJSON: () => structuredClone(json),
    });
  };

  // Whether every frame above is of the same origin, and which origin the page as a whole has.
  const surroundings = () => {
    let crossOrigin = false;
    let topOrigin;
    try {
      for (let frame = globalThis; frame !== frame.top; frame = frame.parent) {
        if (frame.parent.location.origin !== globalThis.location.origin) crossOrigin = true;
      }
    } catch {
      crossOrigin = true;
    }
    const above = globalThis.location.ancestorOrigins;
    if (crossOrigin && above?.length) topOrigin = above[above.length - 1];
    return { origin: globalThis.origin, crossOrigin, topOrigin };
  };

  const nothing = () => {};
  // Ids of other frames and pages are others.
  const prefix = encode(crypto.getRandomValues(new Uint8Array(9)));
  Object.defineProperty(globalThis, Symbol.for('fauxkey.shim'), { value: prefix });
  let count = 0;
  const ask = (type, options, signal) => new Promise((resolve, reject) => {
    check(type, options.publicKey);
    const mediation = options.uiMode === 'immediate' ? 'immediate' : options.mediation;
    if (signal?.aborted) throw signal.reason;
    count += 1;
    const id = `${prefix}-${count}`;
    const conditional = type === 'get' && mediation === 'conditional';
    let timer;
    const end = (settle, value) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      settle(value);
    };
    const giveUp = (reason) => {
      Promise.resolve(send({ type: 'cancel', id })).catch(nothing);
      end(reject, reason);
    };
    const abort = () => giveUp(signal.reason);
    signal?.addEventListener('abort', abort, { once: true });
    const timeout = Number(options.publicKey.timeout);
    // A conditional ceremony has no end of its own (§5.1.4.2 step 9).
    if (timeout > 0 && !conditional) {
      timer = setTimeout(() => giveUp(new DOMException('The operation timed out.', 'NotAllowedError')), timeout);
    }
    const message = { type, id, ...surroundings(), mediation, options: toJson(options.publicKey) };
    Promise.resolve(send(message)).then((reply) => {
      if (reply?.response) return end(resolve, credential(reply.response));
      const { name, message: why } = reply?.error ?? { name: 'NotAllowedError', message: 'fauxkey gave no answer.' };
      return end(reject, name === 'TypeError' ? new TypeError(why) : new DOMException(why, name));
    }).catch((error) => end(reject, new DOMException(`fauxkey cannot be reached: ${error?.message ?? error}`, 'NotAllowedError')));
  });

  const which = async () => (mayBeNative ? (await send({ type: 'route' }).catch(nothing))?.route ?? 'none' : 'shim');
  // A proxy is not told what the page wants of mediation.
  const forProxy = ({ mediation, uiMode }) => uiMode === undefined && [undefined, 'optional', 'required'].includes(mediation);

  const define = (object, name, value) => Object.defineProperty(object, name, { value, writable: true, configurable: true, enumerable: true });
  const container = globalThis.CredentialsContainer?.prototype;
  if (container) {
    const native = { create: container.create, get: container.get };
    const replace = (type) => {
      const method = async function (options) {
        // Passwords, federated identities and the rest are the browser's.
        if (!options || options.publicKey === undefined) return native[type].call(this, options);
        const route = await which();
        if (route === 'none') return native[type].call(this, options);
        if (route === 'proxy' && forProxy(options)) {
          const { challenge, timeout } = options.publicKey;
          const told = { type: 'announce', of: type, challenge: isBytes(challenge) ? encode(challenge) : '', timeout: Number(timeout) };
          await send(told).catch(nothing);
          return native[type].call(this, options);
        }
        return ask(type, options, options.signal);
      };
      define(container, type, Object.defineProperty(method, 'name', { value: type }));
    };
    replace('create');
    replace('get');
  }
  if (Native) {
    const capabilities = () => Promise.resolve(send({ type: 'capabilities' })).catch(() => ({}));
    // What the browser has, unless it is ours.
    const replace = (name, method) => {
      const native = Native[name];
      define(Native, name, async function (...rest) {
        if (native && (await which()) === 'none') return native.apply(this, rest);
        return method(...rest);
      });
    };
    replace('isUserVerifyingPlatformAuthenticatorAvailable', async () => !!(await capabilities())?.platform);
    replace('isConditionalMediationAvailable', async () => !!(await capabilities())?.conditional);
    if (Native.getClientCapabilities) {
      replace('getClientCapabilities', async () => {
        const { platform, conditional, hybrid } = (await capabilities()) ?? {};
        return {
          conditionalCreate: false,
          conditionalGet: !!conditional,
          hybridTransport: !!hybrid,
          passkeyPlatformAuthenticator: !!(platform || hybrid),
          relatedOrigins: false,
          signalAllAcceptedCredentials: true,
          signalCurrentUserDetails: true,
          signalUnknownCredential: true,
          userVerifyingPlatformAuthenticator: !!platform,
        };
      });
    }
    for (const method of ['signalUnknownCredential', 'signalAllAcceptedCredentials', 'signalCurrentUserDetails']) {
      replace(method, async (options) => {
        const reply = await send({ type: 'signal', method, origin: globalThis.origin, options: toJson(options) });
        if (reply?.error) throw reply.error.name === 'TypeError' ? new TypeError(reply.error.message) : new DOMException(reply.error.message, reply.error.name);
      });
    }
  }
}
