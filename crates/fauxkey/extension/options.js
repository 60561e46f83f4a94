// Takes a pairing by hand, where the package came without one.
const api = globalThis.browser ?? globalThis.chrome;
const state = document.querySelector('#state');
const tell = async () => {
  const { connected, route } = await api.runtime.sendMessage({ ask: 'state' });
  state.textContent = connected ? `Connected; pages are answered by ${route}.` : 'Not connected: no fauxkey answers.';
};
document.querySelector('form').addEventListener('submit', async (event) => {
  event.preventDefault();
  const field = document.querySelector('#pairing');
  try {
    const { url, token, device, client } = JSON.parse(field.value);
    if (!/^ws:\/\/(127\.0\.0\.1|localhost|\[::1\]):\d+\//.test(url) || typeof token !== 'string') throw new Error('it has no address of this machine, or no token');
    await api.storage.local.set({ pairing: { url, token, device, client } });
    field.value = '';
    await api.runtime.sendMessage({ ask: 'pair' });
    setTimeout(tell, 500);
  } catch (error) {
    state.textContent = `This is no pairing: ${error.message}`;
  }
});
tell();
