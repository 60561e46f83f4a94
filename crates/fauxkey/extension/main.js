// In the page's own world: carries the shim's messages to relay.js, which the page cannot see into. Events on the document
// carry JSON as text, which crosses Firefox's walls between worlds too. What a page could send here itself is what it may
// ask of navigator.credentials anyway: where it is, the relay and the browser say.
{
  const { document, CustomEvent, JSON, Map, Promise } = globalThis;
  const waiting = new Map();
  let count = 0;
  document.addEventListener('fauxkey:reply', (event) => {
    const { number, reply } = JSON.parse(event.detail);
    waiting.get(number)?.(reply);
    waiting.delete(number);
  });
  fauxkeyShim((call) => new Promise((resolve) => {
    count += 1;
    waiting.set(count, resolve);
    document.dispatchEvent(new CustomEvent('fauxkey:call', { detail: JSON.stringify({ number: count, call }) }));
  }), { mayBeNative: true });
}
