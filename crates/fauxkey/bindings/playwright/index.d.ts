import type { BrowserContext } from 'playwright-core';

/** What the user does when asked. */
export type UserAnswer = 'approve' | 'ask' | 'deny' | 'ignore' | 'wrong-finger' | { account: number };

/** What a user does with one open question. */
export type Gesture = 'present' | 'long-touch' | 'verified' | 'not-verified' | 'declined' | { account: number };

/** How the phone reaches the browser: as a real CTAP device by `fauxkey exec`, or by an init script and a binding. */
export type Route = 'exec' | 'bindings';

/** Something that goes wrong on purpose. */
export type FaultName =
  | 'drop-frame' | 'duplicate-frame' | 'corrupt-frame' | 'delay-frame' | 'truncate-frame' | 'wrong-channel' | 'vanish'
  | 'bad-signature' | 'damaged-der' | 'other-key' | 'foreign-rp-id-hash' | 'other-aaguid' | 'counter-backwards'
  | 'counter-frozen' | 'counter-jumping' | 'flags'
  | 'status' | 'non-canonical-cbor' | 'truncated-cbor' | 'extra-member'
  | 'store-full' | 'store-failing';

export interface FaultOptions {
  /** How often it happens; for good, if absent. */
  times?: number;
  /** How many occasions it leaves alone first. */
  after?: number;
  /** Only on this CTAP command, such as `getAssertion`. */
  command?: string;
  /** Only for this RP ID. */
  rpId?: string;
  /** On how many of a hundred occasions it happens; on each, if absent. */
  chance?: number;
  /** What the fault needs to know: a status, flags such as `+BE-UV`, a time. */
  value?: number | string;
}

export interface ArmedFault {
  id: string | number;
  /** Disarms it. */
  remove(): Promise<void>;
}

/** A discoverable passkey. Its private key is nowhere to be had. */
export interface Passkey {
  /** base64url, as a page sees it. */
  credentialId: string;
  rpId: string;
  rpName?: string;
  /** base64url. */
  userHandle: string;
  userName?: string;
  userDisplayName?: string;
  /** Such as `ES256`. */
  algorithm: string;
  /** The COSE key, base64url. */
  publicKey: string;
  /** A larger number is newer. */
  created: number;
}

export interface NewPasskey {
  rpId: string;
  /** base64url; a random one, if absent. */
  userHandle?: string;
  userName?: string;
  userDisplayName?: string;
  /** Such as `ES256`. */
  algorithm?: string;
}

/** A question to the user. */
export interface Prompt {
  number: number;
  /** `register`, `sign-in`, `token` and others. */
  purpose: string;
  rpId?: string;
  accounts?: string[];
  /** Whether one of the accounts is to be chosen. */
  choice?: boolean;
  /** Whether presence is not enough. */
  verification: boolean;
  /** Verifications left. */
  attempts: number;
}

/** What a scripted user does with the questions that a step is about. */
export interface ScriptStep {
  rpId?: string;
  purpose?: string;
  /** Only the n-th such question, counted from 1. */
  prompt?: number;
  /** As on the command line: `approve`, `deny`, `ignore`, `wrong-finger`, `account=1`. */
  do: string;
  delayMs?: number;
}

export interface PhoneOptions {
  /** What the device behaves like; `fauxkey profile list` has them. [default: ms-authenticator-ios] */
  profile?: string;
  /** [default: exec on Linux, else bindings] */
  route?: Route;
  /** What makes its keys; the same seed makes the same ones. [default: FAUXKEY_SEED, or a random number] */
  seed?: number;
  /** What its user does at first. [default: approve] */
  user?: UserAnswer;
  /** The fauxkey program. [default: FAUXKEY_BIN, or fauxkey in PATH] */
  program?: string;
  /** The device's name. [default: phone] */
  name?: string;
  /** A folder to work in. Phones of the same folder are seen by the same browser, one after another. */
  home?: string;
  /** An instance that runs already, with its token. [default: FAUXKEY_URL and FAUXKEY_TOKEN] */
  url?: string;
  token?: string;
  /** By bindings: whose rules to follow between page and device, such as `chromium-hybrid`; `raw` hides nothing. */
  client?: string;
  /** By bindings: how the device is reached. [default: as its profile has it] */
  link?: 'usb' | 'internal' | 'hybrid';
}

/** A software authenticator that behaves like the phone or key of a profile. Its keys protect nothing. */
export class Phone {
  /** Starts one in a process of its own, which ends with this one. */
  static start(options?: PhoneOptions): Promise<Phone>;

  readonly name: string;
  readonly profile: string;
  readonly route: Route;
  readonly seed: number | undefined;
  /** The control API, and its bearer token. */
  readonly url: string;
  readonly token: string;
  /** The file that has everything that passed, as JSON lines. */
  readonly traceFile: string | undefined;

  /** The environment for `launch({ env })`: by `exec`, the browser sees the phone in it, and comes and goes with it. */
  env(base?: NodeJS.ProcessEnv): Record<string, string>;
  /**
   * By bindings, shows the phone to every page of the context. By `exec` browsers see it anyway; this closes the dialogs
   * in which they show what went wrong, so that pages hear of it.
   */
  attach(context: BrowserContext): Promise<void>;

  /** The discoverable passkeys, newest first. */
  passkeys(): Promise<Passkey[]>;
  /** Makes a passkey without a ceremony. */
  addPasskey(passkey: NewPasskey): Promise<Passkey>;
  removePasskey(passkey: Passkey | string): Promise<void>;

  /** Enrols a finger, on devices whose fingers are enrolled. */
  addFinger(name?: string): Promise<{ id: string; name?: string }>;

  /** From now on the user agrees; what is being asked at this moment included. `delay` is in milliseconds. */
  approve(options?: { delay?: number }): Promise<void>;
  /** From now on the user says no; by `exec` after a moment, if nothing else is said. */
  deny(options?: { delay?: number }): Promise<void>;
  /** From now on the user does nothing, and commands time out. */
  ignore(): Promise<void>;
  /** From now on each question waits for {@link Phone.answer}. */
  ask(): Promise<void>;
  /** From now on every verification fails, until the device is locked. */
  wrongFinger(options?: { delay?: number }): Promise<void>;
  /** From now on the user agrees and takes the account at that place, counted from 0 at the newest. */
  choose(account: number, options?: { delay?: number }): Promise<void>;
  user(answer: UserAnswer, options?: { delay?: number }): Promise<void>;
  /** From now on the user follows a script. */
  script(steps: ScriptStep[], otherwise?: string): Promise<void>;
  /** Waits until the user is asked something, at most `timeout` milliseconds. */
  prompt(options?: { timeout?: number }): Promise<Prompt>;
  answer(prompt: Prompt | number, gesture: Gesture): Promise<void>;

  /** Arms a fault. */
  fault(fault: FaultName, options?: FaultOptions): Promise<ArmedFault>;
  faults(): Promise<unknown[]>;
  clearFaults(): Promise<void>;

  power(power: 'off' | 'on' | 'cycle'): Promise<void>;
  /** Lets the device's clock jump forward. */
  advanceClock(milliseconds: number): Promise<void>;
  /** Back to the factory state. */
  reset(): Promise<void>;
  /** A request to the control API about this device; `path` begins with a slash, or is empty. */
  request(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<any>;
  /** What the control API says of the device. */
  device(): Promise<Record<string, unknown>>;

  /** Everything that passed so far, a line a message, with the reason of each refusal. */
  trace(): Promise<string>;
  /** A command line that makes the same keys again: the one that is given, behind the seed. */
  replay(command: string): string;
  /** Ends the device. Its trace is there until {@link Phone.stop}. */
  end(): Promise<void>;
  /** Ends the device, and removes what is left of it on disk, its trace included. */
  stop(): Promise<void>;
}

/** What fauxkey refused, in its own words. */
export class FauxkeyError extends Error {
  readonly status: number | undefined;
  readonly kind: string | undefined;
  readonly hint: string | undefined;
}

/** The variables that show the devices of a home to a program that is started with them. Linux alone has them. */
export function environment(home: string, options?: { program?: string }): Promise<Record<string, string>>;
