// The chat over WebSocket in a real browser: `node chat.mjs BASE_URL`.
//
// Runs the README's own snippet in a page of the API, and then what a browser must not get away with. CHROMIUM names the browser,
// /usr/bin/chromium by default. CHAT_API_KEY is the key that tickets are asked for with.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { chromium } from 'playwright-core';

const [base] = process.argv.slice(2);
const key = process.env.CHAT_API_KEY;
assert(base && key, 'usage: CHAT_API_KEY=... node chat.mjs BASE_URL');

const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
const [, snippet] = readme.split('## Chat with it')[1].match(/```js\n([\s\S]*?)```/);

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
});
try {
  const page = await browser.newPage();
  // Any page of the same origin.
  await page.goto(`${base}/health`);

  const answered = await page.evaluate(
    ([api, key, snippet]) =>
      new Promise((resolve, reject) => {
        const pieces = [];
        const run = Object.getPrototypeOf(async () => {}).constructor;
        const chat = new run('api', 'key', 'show', 'finished', 'failed', snippet);
        chat(api, key, (text) => pieces.push(text), (id) => resolve({ pieces, id }), reject).catch(reject);
      }),
    [base, key, snippet],
  );
  assert(answered.pieces.length > 2, `the answer is streamed: ${JSON.stringify(answered.pieces)}`);
  assert.match(answered.pieces.join(''), /21:40/);
  assert.match(answered.id, /^[0-9a-f-]{36}$/);

  const refused = await page.evaluate(async ([api, key]) => {
    const asked = await fetch(`${api}/chat/tickets`, { method: 'POST', headers: { 'x-api-key': key } });
    const { url } = await asked.json();
    const opened = () =>
      new Promise((resolve) => {
        const socket = new WebSocket(url);
        socket.onopen = () => resolve(socket);
        socket.onerror = () => resolve(null);
      });
    const next = (socket) => new Promise((resolve) => (socket.onmessage = ({ data }) => resolve(JSON.parse(data))));
    const first = await opened();
    const second = await opened();
    first.send('garbage');
    const garbage = await next(first);
    first.send(JSON.stringify({ type: 'ping' }));
    const pong = await next(first);
    const closed = new Promise((resolve) => (first.onclose = ({ code }) => resolve(code)));
    first.send('a'.repeat(129 * 1024));
    return { second: second !== null, garbage, pong, code: await closed };
  }, [base, key]);
  assert.equal(refused.second, false, 'a ticket opens one socket');
  assert.equal(refused.garbage.error.code, 'invalid_json');
  assert.equal(refused.pong.type, 'pong');
  assert.equal(refused.code, 1009, '129 KB close the socket');
  console.log(`${answered.pieces.length} pieces`);
} finally {
  await browser.close();
}
