// Runs in every document before the page's own scripts: lets the page ask for an attestation preference, and tells the
// driver what came of it. Laid over the one object that pages use, so that whoever stands behind it is asked as before.
((send, preference, hints) => {
  const { JSON, Object, Promise, Reflect, String, Uint8Array, btoa } = globalThis;
  const container = globalThis.navigator?.credentials;
  if (!container || !globalThis.PublicKeyCredential) return;
  const behind = Object.getPrototypeOf(container);
  const tell = (what) => send(JSON.stringify(what));
  const text = (buffer) => {
    const bytes = new Uint8Array(buffer);
    let binary = '';
    for (let at = 0; at < bytes.length; at += 1) binary += String.fromCharCode(bytes[at]);
    return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
  };
  const create = function create(options) {
    const asked = options?.publicKey;
    if (!asked) return Reflect.apply(behind.create, this, arguments);
    // Members that stand on a prototype count, as WebIDL's dictionaries are read: what the page wrote stays as it is.
    const more = hints ? { hints: { value: hints, enumerable: true } } : {};
    const publicKey = Object.create(asked, { attestation: { value: preference, enumerable: true }, ...more });
    const changed = Object.create(options, { publicKey: { value: publicKey, enumerable: true } });
    tell({ type: 'asked', attestation: asked.attestation === undefined ? null : String(asked.attestation) });
    const made = Reflect.apply(behind.create, this, [changed]);
    return Promise.resolve(made).then((credential) => {
      const { rawId, response, authenticatorAttachment } = credential;
      tell({
        type: 'made',
        id: text(rawId),
        attestationObject: text(response.attestationObject),
        transports: response.getTransports?.() ?? [],
        attachment: authenticatorAttachment ?? null,
      });
      return credential;
    }, (error) => {
      tell({ type: 'error', name: String(error?.name), message: String(error?.message) });
      throw error;
    });
  };
  Object.defineProperty(container, 'create', { value: create, writable: true, configurable: true });
})
