// A relying party by @simplewebauthn/server, with the routes of its example server and several users instead of one.
// `default` does what the example does, line by line where it matters; `strict` all that the library lets one ask for.
//
//     node simplewebauthn.mjs default|strict [--port 0] [--root FILE]
import {
  generateAuthenticationOptions,
  generateRegistrationOptions,
  SettingsService,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from '@simplewebauthn/server';
import { decodeAttestationObject, isoBase64URL } from '@simplewebauthn/server/helpers';
import { createHmac, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

const FORMATS = ['packed', 'fido-u2f', 'tpm', 'android-key', 'android-safetynet', 'apple'];
const ALGORITHMS = [-7, -257];
const LONGEST_BODY = 1 << 20;
const rpID = 'localhost';
const secret = randomBytes(32);

function argument(name, otherwise) {
  const at = process.argv.indexOf(name);
  return at < 0 ? otherwise : process.argv[at + 1];
}

const strict = process.argv[2] === 'strict';
const users = new Map();
const sessions = new Map();
let expectedOrigin;

if (argument('--root')) {
  const certificates = [readFileSync(argument('--root'), 'utf8')];
  FORMATS.forEach((identifier) => SettingsService.setRootCertificates({ identifier, certificates }));
}

class Refused extends Error {}

function refuseUnless(condition, why) {
  if (!condition) throw new Refused(why);
}

function userOf(name) {
  if (!users.has(name)) users.set(name, { name, id: new Uint8Array(randomBytes(32)), credentials: [] });
  return users.get(name);
}

// A user that there is not has the same passkey whenever he is asked about.
function decoy(name) {
  return [{ id: createHmac('sha256', secret).update(name).digest('base64url'), transports: ['internal'] }];
}

const described = ({ id, transports }) => ({ id, type: 'public-key', transports });

async function registrationOptions({ session, username }) {
  refuseUnless(username, 'username is missing');
  const user = userOf(username);
  const options = await generateRegistrationOptions({
    rpName: 'SimpleWebAuthn as it is probed',
    rpID,
    userName: username,
    userID: user.id,
    timeout: 60000,
    attestationType: strict ? 'direct' : 'none',
    excludeCredentials: user.credentials.map(described),
    authenticatorSelection: strict
      ? { residentKey: 'required', userVerification: 'required' }
      : { residentKey: 'discouraged', userVerification: 'preferred' },
    supportedAlgorithmIDs: ALGORITHMS,
  });
  Object.assign(session, { currentChallenge: options.challenge, username, ceremony: 'registration' });
  return options;
}

// The session's challenge. The example forgets it after a success alone, and writes a forgotten one as "undefined".
function challengeOf(session, ceremony) {
  if (!strict) return `${session.currentChallenge}`;
  const challenge = session.currentChallenge;
  refuseUnless(challenge && session.ceremony === ceremony, 'No ceremony was begun');
  session.currentChallenge = undefined;
  return challenge;
}

async function register({ session, body }) {
  const verification = await verifyRegistrationResponse({
    response: body,
    expectedChallenge: challengeOf(session, 'registration'),
    expectedOrigin,
    expectedRPID: rpID,
    requireUserVerification: strict,
    // The example does not say here what it offered, and the library then takes more.
    ...(strict && { supportedAlgorithmIDs: ALGORITHMS }),
  });
  const { verified, registrationInfo } = verification;
  if (verified && registrationInfo) {
    if (strict) insist(registrationInfo);
    const { credential } = registrationInfo;
    const user = userOf(session.username ?? '');
    if (!user.credentials.some(({ id }) => id === credential.id)) {
      const backup = registrationInfo.credentialDeviceType;
      user.credentials.push({ ...credential, transports: body.response.transports, backup });
    }
  }
  session.currentChallenge = undefined;
  return { verified };
}

// What the library verifies and leaves to the relying party to want.
function insist({ fmt, attestationObject, credential, credentialDeviceType }) {
  const certificates = decodeAttestationObject(attestationObject).get('attStmt').get('x5c');
  refuseUnless(fmt === 'android-safetynet' || certificates?.length, `Attestation by ${fmt} alone is not enough`);
  refuseUnless(credentialDeviceType === 'singleDevice', 'The passkey can leave its device');
  const known = [...users.values()].flatMap((user) => user.credentials).some(({ id }) => id === credential.id);
  refuseUnless(!known, 'The passkey is registered already');
}

async function authenticationOptions({ session, username }) {
  let credentials = users.get(username)?.credentials ?? [];
  if (strict && username && !credentials.length) credentials = decoy(username);
  const options = await generateAuthenticationOptions({
    timeout: 60000,
    allowCredentials: credentials.map(described),
    userVerification: strict ? 'required' : 'preferred',
    rpID,
  });
  Object.assign(session, { currentChallenge: options.challenge, username, ceremony: 'authentication' });
  return options;
}

async function authenticate({ session, body }) {
  const expectedChallenge = challengeOf(session, 'authentication');
  const asked = session.username ? [users.get(session.username)].filter(Boolean) : [...users.values()];
  const user = asked.find(({ credentials }) => credentials.some(({ id }) => id === body.id));
  refuseUnless(user, 'Authenticator is not registered with this site');
  const credential = user.credentials.find(({ id }) => id === body.id);
  const { verified, authenticationInfo } = await verifyAuthenticationResponse({
    response: body,
    expectedChallenge,
    expectedOrigin,
    expectedRPID: rpID,
    credential,
    requireUserVerification: strict,
  });
  if (strict) {
    const handle = body.response.userHandle;
    refuseUnless(handle || session.username, 'There is no user handle');
    refuseUnless(!handle || handle === isoBase64URL.fromBuffer(user.id), 'The user handle is of somebody else');
    refuseUnless(authenticationInfo.credentialDeviceType === credential.backup, 'The passkey was of another kind');
  }
  if (verified) credential.counter = authenticationInfo.newCounter;
  session.currentChallenge = undefined;
  return { verified };
}

function remove({ id }) {
  for (const user of users.values()) {
    const before = user.credentials.length;
    user.credentials = user.credentials.filter((credential) => credential.id !== id);
    if (user.credentials.length < before) return { deleted: true };
  }
  return undefined;
}

const routes = {
  'GET /generate-registration-options': registrationOptions,
  'POST /verify-registration': register,
  'GET /generate-authentication-options': authenticationOptions,
  'POST /verify-authentication': authenticate,
  'DELETE /credentials': remove,
};

function sessionOf(request, response) {
  const known = /(?:^|;\s*)session=([\w-]+)/.exec(request.headers.cookie ?? '')?.[1];
  if (sessions.has(known)) return sessions.get(known);
  const name = randomBytes(18).toString('base64url');
  sessions.set(name, {});
  response.setHeader('Set-Cookie', `session=${name}; Path=/; HttpOnly; SameSite=Lax`);
  return sessions.get(name);
}

async function bodyOf(request) {
  const parts = [];
  let length = 0;
  for await (const part of request) {
    length += part.length;
    if (length <= LONGEST_BODY) parts.push(part);
  }
  refuseUnless(length <= LONGEST_BODY, 'The body is too long');
  return length ? JSON.parse(Buffer.concat(parts).toString('utf8')) : undefined;
}

async function answer(request, response) {
  const url = new URL(request.url, expectedOrigin);
  const [, first, id] = url.pathname.split('/');
  const route = routes[`${request.method} /${first}`];
  const session = sessionOf(request, response);
  const username = url.searchParams.get('username') ?? undefined;
  const body = await bodyOf(request);
  const value = await route?.({ session, username, body, id });
  return value === undefined ? [404, { error: 'There is no such thing' }] : [200, value];
}

const server = createServer(async (request, response) => {
  let status, value;
  try {
    [status, value] = await answer(request, response);
  } catch (error) {
    [status, value] = [400, { error: error.message }];
  }
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(value));
});

server.listen(Number(argument('--port', '0')), '127.0.0.1', () => {
  expectedOrigin = `http://localhost:${server.address().port}`;
  console.log(`listening on ${expectedOrigin}`);
});
// Who started it holds the other end.
process.stdin.resume().on('end', () => process.exit(0));
