// Between the page (main.js) and the worker: adds where the page really is, as far as a frame can know that. Its port to
// the worker ends with the page, so whatever the page asked for ends then too.
{
  const api = globalThis.browser ?? globalThis.chrome;
  let port;
  const answer = (number, reply) => {
    document.dispatchEvent(new CustomEvent('fauxkey:reply', { detail: JSON.stringify({ number, reply }) }));
  };
  const waiting = new Set();
  const connect = () => {
    port = api.runtime.connect({ name: 'page' });
    port.onMessage.addListener(({ number, reply }) => {
      waiting.delete(number);
      answer(number, reply);
    });
    // The worker was ended by its browser, or the extension was taken away.
    port.onDisconnect.addListener(() => end('NotAllowedError', 'the extension was interrupted'));
  };
  const end = (name, message) => {
    port = undefined;
    for (const number of waiting) answer(number, { error: { name, message } });
    waiting.clear();
  };
  // A page that is kept for the way back keeps its port, too.
  addEventListener('pagehide', () => {
    port?.disconnect();
    end('AbortError', 'the page was left');
  });
  // Where the browser can say what the permissions policy allows. Firefox cannot; the worker then asks the frame above.
  const permitted = (type) => {
    const policy = document.permissionsPolicy ?? document.featurePolicy;
    const feature = `publickey-credentials-${type}`;
    return policy?.features?.().includes(feature) ? policy.allowsFeature(feature) : undefined;
  };
  document.addEventListener('fauxkey:call', (event) => {
    const { number, call } = JSON.parse(event.detail);
    waiting.add(number);
    try {
      if (!port) connect();
      const surroundings = { secure: globalThis.isSecureContext, permitted: permitted(call.type), activated: navigator.userActivation?.isActive };
      port.postMessage({ number, call, surroundings });
    } catch (error) {
      waiting.delete(number);
      answer(number, { error: { name: 'NotAllowedError', message: `the extension cannot be reached: ${error.message}` } });
    }
  });
  // What the element of a frame below allows: asked by the worker where the browser does not say it in the frame itself.
  api.runtime.onMessage.addListener((message, _sender, reply) => {
    if (message?.ask !== 'allow' || !api.runtime.getFrameId) return undefined;
    const frames = [...document.querySelectorAll('iframe')];
    const frame = frames.find((one) => api.runtime.getFrameId(one) === message.frame);
    reply(frame ? { allow: frame.getAttribute('allow') ?? '', src: frame.src } : {});
    return undefined;
  });
}
