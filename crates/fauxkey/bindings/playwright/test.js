'use strict';
// `import { test, expect } from 'fauxkey-playwright/test'`: Playwright's own, with a phone.
const fs = require('node:fs');
const path = require('node:path');
const base = require('@playwright/test');
const { Phone } = require('./lib/phone');
const { environment, temporaryHome } = require('./lib/program');

/** chromium-headless-shell makes no discoverable passkeys by its own WebAuthn, as it has no window for accounts. */
function isHeadlessShell({ headless, channel, launchOptions }) {
  const { executablePath } = launchOptions;
  if (executablePath) return /headless[-_]shell/.test(path.basename(executablePath));
  const named = channel ?? launchOptions.channel;
  return named === undefined ? (headless ?? launchOptions.headless) !== false : named.includes('headless-shell');
}

function routeOf(use) {
  if (use.fauxkeyRoute !== 'auto') return use.fauxkeyRoute;
  const suits = use.fauxkeyWorker.env && !use.connectOptions && use.browserName === 'chromium';
  return suits && !isHeadlessShell(use) ? 'exec' : 'bindings';
}

const test = base.test.extend({
  fauxkeyRoute: ['auto', { option: true, scope: 'worker' }],
  fauxkeyProgram: [undefined, { option: true, scope: 'worker' }],
  fauxkeyOptions: [{}, { option: true }],

  // Devices of one home come and go in the browser that was started for it, so that a worker needs one browser alone.
  fauxkeyWorker: [async ({ fauxkeyRoute, fauxkeyProgram }, use) => {
    const home = temporaryHome();
    const possible = process.platform === 'linux' && !process.env.FAUXKEY_URL;
    try {
      const wanted = fauxkeyRoute === 'exec' || (fauxkeyRoute === 'auto' && possible);
      const env = wanted ? await environment(home, { program: fauxkeyProgram }) : undefined;
      await use({ home, env });
    } finally {
      fs.rmSync(home, { recursive: true, force: true, maxRetries: 5 });
    }
  }, { scope: 'worker' }],

  // Where the route turns out to be another, there are no devices to be seen.
  launchOptions: [async ({ launchOptions, fauxkeyWorker }, use) => {
    const { env } = fauxkeyWorker;
    await use(env ? { ...launchOptions, env: { ...(launchOptions.env ?? process.env), ...env } } : launchOptions);
  }, { scope: 'worker' }],

  fauxkeyResolvedRoute: [async ({ launchOptions, connectOptions, fauxkeyRoute, fauxkeyWorker, browserName, headless, channel }, use) => {
    await use(routeOf({ launchOptions, connectOptions, fauxkeyRoute, fauxkeyWorker, browserName, headless, channel }));
  }, { scope: 'worker' }],

  phone: async ({ fauxkeyWorker, fauxkeyResolvedRoute, fauxkeyProgram, fauxkeyOptions }, use, testInfo) => {
    const { home } = fauxkeyWorker;
    const phone = await Phone.start({ program: fauxkeyProgram, ...fauxkeyOptions, route: fauxkeyResolvedRoute, home });
    try {
      await use(phone);
      await phone.end();
      if (testInfo.status !== testInfo.expectedStatus) await explain(phone, testInfo);
    } finally {
      await phone.stop();
    }
  },

  context: async ({ context, phone }, use) => {
    await phone.attach(context);
    await use(context);
  },
});

/** What a failed test leaves: what passed, in words and as a file, and how to make it pass so again. */
async function explain(phone, testInfo) {
  const file = path.relative(process.cwd(), testInfo.file);
  const project = testInfo.project.name ? ` --project=${quoted(testInfo.project.name)}` : '';
  const replay = phone.replay(`npx playwright test ${quoted(`${file}:${testInfo.line}`)}${project}`);
  await testInfo.attach('fauxkey-replay', { body: replay, contentType: 'text/plain' });
  if (!phone.traceFile || !fs.existsSync(phone.traceFile)) return;
  await testInfo.attach('fauxkey-trace', { body: await phone.trace(), contentType: 'text/plain' });
  await testInfo.attach('fauxkey-trace.jsonl', { path: phone.traceFile, contentType: 'application/x-ndjson' });
}

const quoted = (text) => (/^[\w./:@-]+$/.test(text) ? text : `'${text.replace(/'/g, "'\\''")}'`);

module.exports = { ...base, test, expect: base.expect };
