import { defineConfig } from '@playwright/test';
import type { FauxkeyTestOptions, FauxkeyWorkerOptions } from 'fauxkey-playwright/test';

const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
const browser = (executablePath: string) => ({ headless: true, launchOptions: { executablePath, args } });

export default defineConfig<FauxkeyTestOptions, FauxkeyWorkerOptions>({
  workers: 1,
  timeout: 60_000,
  reporter: process.env.CI_REPORTER ?? './reporter.js',
  projects: [
    { name: 'chromium by exec', use: { ...browser('/usr/bin/chromium'), fauxkeyRoute: 'auto' } },
    { name: 'chromium by bindings', use: { ...browser('/usr/bin/chromium'), fauxkeyRoute: 'bindings' } },
    { name: 'headless shell by bindings', use: { ...browser('/usr/bin/chromium-headless-shell'), fauxkeyRoute: 'auto' } },
  ],
});
