// A relying party by @simplewebauthn/server: a page that does as it is told, and the verdict on what it brings.
import {
  generateAuthenticationOptions, generateRegistrationOptions, verifyAuthenticationResponse, verifyRegistrationResponse,
} from '@simplewebauthn/server';
import type { Page } from '@playwright/test';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

// As a page that is careful has it: it connects to nobody.
const POLICY = "default-src 'none'; script-src 'unsafe-inline'; connect-src 'none'";
const PAGE = `<!doctype html><meta charset=utf-8><title>page</title><script>
async function ceremony(kind, publicKey) {
  const parsed = kind === 'create' ? PublicKeyCredential.parseCreationOptionsFromJSON(publicKey)
                                   : PublicKeyCredential.parseRequestOptionsFromJSON(publicKey);
  try {
    return {value: (await navigator.credentials[kind]({publicKey: parsed})).toJSON()};
  } catch (error) {
    return {error: error.name};
  }
}
</script>`;

export class Refused extends Error {
  constructor(readonly exception: string) { super(exception); }
}

export class Party {
  readonly passkeys = new Map<string, { name: string; id: string; publicKey: Uint8Array<ArrayBuffer>; counter: number }>();
  readonly #server: Server;

  private constructor(server: Server) { this.#server = server; }

  static async start(): Promise<Party> {
    const server = createServer((request, response) => {
      const found = request.url === '/';
      response.writeHead(found ? 200 : 404, { 'Content-Type': 'text/html', 'Content-Security-Policy': POLICY });
      response.end(found ? PAGE : '');
    });
    await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
    return new Party(server);
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  get origin(): string { return `http://localhost:${(this.#server.address() as AddressInfo).port}`; }

  async register(page: Page, name: string, timeout = 60_000) {
    const options = await generateRegistrationOptions({
      rpID: 'localhost', rpName: 'Party', userName: name, timeout, attestationType: 'direct', supportedAlgorithmIDs: [-7],
      authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
    });
    const response = await ask(page, 'create', options);
    const { verified, registrationInfo } = await verifyRegistrationResponse({
      response, expectedChallenge: options.challenge, expectedOrigin: this.origin, expectedRPID: 'localhost',
    });
    if (!verified || !registrationInfo) throw new Error('not verified');
    const { credential, aaguid } = registrationInfo;
    this.passkeys.set(credential.id, { name, ...credential });
    return { aaguid, publicKey: Buffer.from(credential.publicKey).toString('hex') };
  }

  /** The name of who signed in; the counter is taken over. */
  async signIn(page: Page, timeout = 60_000): Promise<string> {
    const options = await generateAuthenticationOptions({ rpID: 'localhost', timeout, userVerification: 'required' });
    const response = await ask(page, 'get', options);
    const passkey = this.passkeys.get(response.id);
    if (!passkey) throw new Error('an unknown passkey');
    const { verified, authenticationInfo } = await verifyAuthenticationResponse({
      response, credential: passkey, expectedChallenge: options.challenge, expectedOrigin: this.origin, expectedRPID: 'localhost',
    });
    if (!verified) throw new Error('not verified');
    passkey.counter = authenticationInfo.newCounter;
    return passkey.name;
  }
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any
async function ask(page: Page, kind: 'create' | 'get', options: unknown): Promise<any> {
  const done = await page.evaluate(
    // @ts-expect-error the page has it
    ([kind, options]) => ceremony(kind, options), [kind, options] as const);
  if (done.error) throw new Refused(done.error);
  return done.value;
}
