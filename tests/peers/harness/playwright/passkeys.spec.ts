import { expect, test as base } from 'fauxkey-playwright/test';
import { Party, Refused } from './party';

const SHORT = 1_000;

const test = base.extend<{ party: Party }>({
  party: async ({ page }, use) => {
    const party = await Party.start();
    await page.goto(party.origin);
    await use(party);
    party.stop();
  },
});

const refused = async (ceremony: Promise<unknown>) => {
  const error = await ceremony.then(() => undefined, (error: unknown) => error);
  if (error instanceof Refused) return error.exception;
  throw error ?? new Error('it was to be refused');
};

test('registers and signs in', async ({ page, party, phone }) => {
  const { aaguid } = await party.register(page, 'ada');
  expect(aaguid).toBe('90a3ccdf-635c-4729-a248-9b709135078f');
  expect(await phone.passkeys()).toMatchObject([{ userName: 'ada', rpId: 'localhost' }]);
  expect(await party.signIn(page)).toBe('ada');
});

test('a user who denies makes no passkey and signs nobody in', async ({ page, party, phone }) => {
  await phone.deny();
  expect(await refused(party.register(page, 'ada'))).toBe('NotAllowedError');
  expect(await phone.passkeys()).toEqual([]);
  await phone.approve();
  await party.register(page, 'ada');
  await phone.deny();
  expect(await refused(party.signIn(page))).toBe('NotAllowedError');
});

test('a user who does nothing is waited for until the time is over', async ({ page, party, phone }) => {
  await phone.ignore();
  expect(await refused(party.register(page, 'ada', SHORT))).toBe('NotAllowedError');
  await phone.approve();
  await party.register(page, 'ada');
  expect(await party.signIn(page)).toBe('ada');
});

test.describe(() => {
  test.use({ fauxkeyOptions: { profile: 'fingerprint-key' } });

  test('a wrong finger locks the key and the right one does not open it', async ({ page, party, phone }) => {
    await phone.addFinger('thumb');
    await party.register(page, 'ada');
    await phone.wrongFinger();
    // A browser asks again until there is no attempt left, and then for a PIN, which nobody types.
    for (let left = 8; !(await phone.trace()).includes('UV_BLOCKED'); left -= 1) {
      expect(left).toBeGreaterThan(0);
      expect(await refused(party.signIn(page, SHORT))).toBe('NotAllowedError');
    }
    await phone.approve();
    expect(await refused(party.signIn(page, SHORT))).toBe('NotAllowedError');
  });
});

test('the second account is chosen on the phone', async ({ page, party, phone }) => {
  await party.register(page, 'ada');
  await party.register(page, 'bea');
  expect((await phone.passkeys()).map((passkey) => passkey.userName)).toEqual(['bea', 'ada']);
  await phone.choose(1);
  expect(await party.signIn(page)).toBe('ada');
  await phone.choose(0);
  expect(await party.signIn(page)).toBe('bea');
});

test('a counter that goes backwards is noticed by @simplewebauthn/server', async ({ page, party, phone }) => {
  await party.register(page, 'ada');
  const fault = await phone.fault('counter-backwards');
  await party.signIn(page);
  await expect(party.signIn(page)).rejects.toThrow(/counter value \d+ was lower/);
  await fault.remove();
  expect(await phone.faults()).toEqual([]);
});

test('a person answers what is asked', async ({ page, party, phone }) => {
  await party.register(page, 'ada');
  await phone.ask();
  const signedIn = party.signIn(page);
  const prompt = await phone.prompt();
  expect(prompt).toMatchObject({ purpose: 'sign-in', rpId: 'localhost', verification: true });
  await phone.answer(prompt, 'verified');
  expect(await signedIn).toBe('ada');
});

test('a ceremony ends with the page that began it', async ({ page, party, phone }) => {
  await party.register(page, 'ada');
  await phone.ask();
  const signedIn = party.signIn(page).catch(() => 'gone');
  await phone.prompt();
  await page.goto('about:blank');
  expect(await signedIn).toBe('gone');
  await expect.poll(() => phone.request('GET', '/prompt')).toBeUndefined();
});

test('a passkey that was added signs in and one that was removed does not', async ({ page, party, phone }) => {
  const added = await phone.addPasskey({ rpId: 'localhost', userName: 'cleo' });
  await expect(party.signIn(page)).rejects.toThrow('an unknown passkey');
  await phone.removePasskey(added);
  expect(await refused(party.signIn(page, SHORT))).toBe('NotAllowedError');
});
