// SimpleWebAuthn as a judge: a line of JSON in, a line of JSON out. Roots, DER in base64, are trusted for what comes after. From DER
// the library writes PEM in its own way, which it compares as text for android-key.
import { MetadataService, SettingsService, verifyRegistrationResponse } from '@simplewebauthn/server';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';

const FORMATS = ['packed', 'fido-u2f', 'tpm', 'android-key', 'android-safetynet', 'apple', 'compound', 'mds'];

const judgements = {
  trust({ roots, formats = FORMATS }) {
    const certificates = roots.map((root) => new Uint8Array(Buffer.from(root, 'base64')));
    formats.forEach((identifier) => SettingsService.setRootCertificates({ identifier, certificates }));
    return true;
  },

  async register({ response, challenge, origin, rpId }) {
    const { verified, registrationInfo } = await verifyRegistrationResponse({
      response,
      expectedChallenge: challenge,
      expectedOrigin: origin,
      expectedRPID: rpId,
      requireUserVerification: false,
    });
    if (!verified) throw new Error('not verified');
    return { fmt: registrationInfo.fmt, aaguid: registrationInfo.aaguid };
  },

  // The service reads BLOBs over HTTP alone, and verifies them as it does.
  async metadata({ blob, aaguids }) {
    const server = createServer((_, response) => response.end(blob));
    await new Promise((done) => server.listen(0, '127.0.0.1', done));
    try {
      const mdsServers = [`http://127.0.0.1:${server.address().port}/`];
      await MetadataService.initialize({ mdsServers, verificationMode: 'strict' });
      const statement = (aaguid) => MetadataService.getStatement(aaguid).catch((error) => ({ refused: error.message }));
      return await Promise.all(aaguids.map(statement));
    } finally {
      server.closeAllConnections();
      server.close();
    }
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { judgement, ...question } = JSON.parse(line);
  let answer;
  try {
    answer = { value: (await judgements[judgement](question)) ?? null };
  } catch (error) {
    const cause = error.cause instanceof Error ? `: ${error.cause.message}` : '';
    answer = { error: `${error.name}: ${error.message}${cause}` };
  }
  console.log(JSON.stringify(answer));
}
