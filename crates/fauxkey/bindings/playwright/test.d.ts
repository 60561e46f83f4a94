import type {
  PlaywrightTestArgs, PlaywrightTestOptions, PlaywrightWorkerArgs, PlaywrightWorkerOptions, TestType,
} from '@playwright/test';
import type { Phone, PhoneOptions, Route } from './index';

export interface FauxkeyTestArgs {
  /** A phone for this test alone, which the browser of `page` and `context` sees. */
  phone: Phone;
}

export interface FauxkeyTestOptions {
  /** What the phone is like. */
  fauxkeyOptions: Omit<PhoneOptions, 'route' | 'home' | 'program'>;
}

export interface FauxkeyWorkerOptions {
  /** How the phone reaches the browser. [default: auto, which is exec in Linux's Chromium if it is a whole one, else bindings] */
  fauxkeyRoute: Route | 'auto';
  /** The fauxkey program. [default: FAUXKEY_BIN, or fauxkey in PATH] */
  fauxkeyProgram: string | undefined;
}

export const test: TestType<
  PlaywrightTestArgs & PlaywrightTestOptions & FauxkeyTestArgs & FauxkeyTestOptions,
  PlaywrightWorkerArgs & PlaywrightWorkerOptions & FauxkeyWorkerOptions
>;
export { expect, defineConfig, devices } from '@playwright/test';
