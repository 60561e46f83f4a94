'use strict';
// When a ceremony of the browser's own has come to a bad end, as the device's events tell.
const http = require('node:http');
const https = require('node:https');
const { connection } = require('./api');

/** Milliseconds that a browser has to tell its page by itself. */
const GRACE = 500;
const DENIED = { name: 'NotAllowedError', message: 'The operation either timed out or was not allowed.' };
const EXCLUDED = { name: 'InvalidStateError', message: 'The authenticator has a passkey for this account already.' };
/** Statuses after which no browser goes on: CTAP 2.1 §8.2. */
const FINAL = {
  OPERATION_DENIED: DENIED,
  UV_BLOCKED: DENIED,
  PIN_BLOCKED: DENIED,
  USER_ACTION_TIMEOUT: DENIED,
  KEY_STORE_FULL: DENIED,
  CREDENTIAL_EXCLUDED: EXCLUDED,
};

/** Judges one event after the other; what a page is to get, once it is clear. */
function judge() {
  let asked;
  return (event) => {
    if (event.kind === 'prompted') asked = event.prompt.purpose;
    if (event.kind !== 'answered') return undefined;
    const name = event.status.split(' ').pop();
    // Browsers also look silently, and then nobody is asked.
    if (name === 'NO_CREDENTIALS' && asked === 'nothing-to-sign-in') return DENIED;
    return FINAL[name];
  };
}

/** Somebody who listens to a phone's events. */
class Watcher {
  /** Resolves when it listens. */
  static begin(phone) {
    const url = new URL(`${phone.url}/api/v1/events`);
    const { get } = url.protocol === 'https:' ? https : http;
    return new Promise((resolve, reject) => {
      const request = get(url, { headers: { Authorization: `Bearer ${phone.token}` }, ...connection() }, (response) => {
        resolve(new Watcher(phone, request, response));
      });
      request.on('error', reject);
    });
  }

  constructor(phone, request, response) {
    this.request = request;
    const judged = judge();
    let rest = '';
    this.refusal = new Promise((resolve) => {
      response.setEncoding('utf8').on('data', (text) => {
        const lines = (rest + text).split('\n');
        rest = lines.pop();
        for (const line of lines.filter((one) => one.startsWith('data:'))) {
          const event = JSON.parse(line.slice('data:'.length));
          const error = event.device === phone.name ? judged(event) : undefined;
          if (error) resolve(error);
        }
      });
      response.on('error', () => {});
    });
  }

  /** What the page is to get, once it is clear that the browser does not tell it. */
  watch(timeout, signal) {
    return new Promise((resolve) => {
      const later = (error, time) => setTimeout(() => resolve({ error }), time).unref();
      if (timeout > 0) later(DENIED, timeout + GRACE);
      this.refusal.then((error) => later(error, GRACE));
      signal.addEventListener('abort', () => resolve({}), { once: true });
    }).finally(() => this.end());
  }

  end() { this.request.destroy(); }
}

module.exports = { Watcher };
