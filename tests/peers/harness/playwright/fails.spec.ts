// Fails on purpose: what it leaves is looked at by harness_playwright.py.
import { expect, test } from 'fauxkey-playwright/test';
import { Party } from './party';

test.skip(!process.env.FAILS, 'is to fail');

test('fails', async ({ page, phone }) => {
  const party = await Party.start();
  await page.goto(party.origin);
  const { publicKey } = await party.register(page, 'ada');
  party.stop();
  expect(`${phone.profile} has made ${publicKey}`).toBe('something else');
});
