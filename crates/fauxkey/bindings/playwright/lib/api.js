'use strict';
// The control API of a running instance: HTTP and JSON with a bearer token.
const fs = require('node:fs');
const http = require('node:http');
const https = require('node:https');

/** What fauxkey refused, in its own words. */
class FauxkeyError extends Error {
  constructor(message, { status, kind, hint } = {}) {
    super(hint ? `${message}\nhint: ${hint}` : message);
    this.name = 'FauxkeyError';
    this.status = status;
    this.kind = kind;
    this.hint = hint;
  }
}

/** Through no agent or proxy; an instance on another host may have a certificate that FAUXKEY_CA names. */
function connection() {
  const file = process.env.FAUXKEY_CA;
  return file ? { agent: false, ca: fs.readFileSync(file) } : { agent: false };
}

class Api {
  constructor(url, token) {
    this.url = url.replace(/\/+$/, '');
    this.token = token;
  }

  /** One request; the body of the answer, or undefined where there is none. No proxy, and no limit of time. */
  request(method, path, body, signal) {
    const url = new URL(`${this.url}/api/v1${path}`);
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers = { Authorization: `Bearer ${this.token}` };
    if (text !== undefined) {
      headers['Content-Type'] = 'application/json';
      headers['Content-Length'] = Buffer.byteLength(text);
    }
    return new Promise((resolve, reject) => {
      const { request } = url.protocol === 'https:' ? https : http;
      const unreachable = (error) => reject(error.name === 'AbortError' ? error
        : new FauxkeyError(`fauxkey at ${this.url} does not answer: ${error.message}`));
      const sent = request(url, { method, headers, signal, ...connection() }, (response) => {
        const parts = [];
        response.on('data', (part) => parts.push(part));
        response.on('error', unreachable);
        response.on('end', () => {
          const content = Buffer.concat(parts).toString('utf8');
          let value;
          try {
            value = content ? JSON.parse(content) : undefined;
          } catch {
            value = { message: content };
          }
          if (response.statusCode < 300) return resolve(value);
          const { message = `${method} ${path} was answered with ${response.statusCode}`, kind, hint } = value ?? {};
          return reject(new FauxkeyError(message, { status: response.statusCode, kind, hint }));
        });
      });
      sent.on('error', unreachable);
      sent.end(text);
    });
  }
}

module.exports = { Api, FauxkeyError, connection };
