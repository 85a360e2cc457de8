// The documentation pages in a real browser: `node docs.mjs BASE_URL OUT_DIR`.
//
// Opens BASE_URL/docs and BASE_URL/redoc, compares what they show with BASE_URL/openapi.json, tries operations out as
// a reader would, and fails on any error in the console and on any request to another origin. BASE_URL may have a
// path (a stage). Screenshots go to OUT_DIR. CHROMIUM names the browser, /usr/bin/chromium by default. DOCS_API_KEY is the
// key that the reader has; or DOCS_SIGN_IN, the origin of an issuer where the reader signs in.

import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { chromium } from 'playwright-core';

const [base, outDir] = process.argv.slice(2);
assert(base && outDir, 'usage: node docs.mjs BASE_URL OUT_DIR');
const apiKey = process.env.DOCS_API_KEY;
const signIn = process.env.DOCS_SIGN_IN;
assert(apiKey || signIn, 'DOCS_API_KEY or DOCS_SIGN_IN is set');

const PAGE_MS = 30_000;
const MODEL_MS = 300_000; // the endpoint's own timeout: a small model on a busy machine is slow
const CHROMIUM_FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const url = (path) => `${base.replace(/\/$/, '')}${path}`;
const methods = ['get', 'put', 'post', 'delete', 'patch'];

/** Every operation of these paths: { method, path, summary, body }, body being the example that is shown first. */
function operationsOf(paths) {
  return Object.entries(paths).flatMap(([path, item]) =>
    methods.filter((method) => item[method]).map((method) => {
      const operation = item[method];
      const examples = operation.requestBody?.content['application/json'].examples ?? {};
      return { method, path, summary: operation.summary, body: Object.values(examples)[0]?.value };
    }),
  );
}

/** Everything that a page must not do, noted as it happens. */
function watch(page, complaints) {
  const { origin } = new URL(base);
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => complaints.push(`uncaught: ${error.message}`));
  page.on('request', (request) => {
    const asked = new URL(request.url());
    const local = ['data:', 'blob:'].includes(asked.protocol) || [origin, signIn].includes(asked.origin);
    if (!local) complaints.push(`asked another origin: ${request.url()}`);
  });
}

async function swaggerUi(page, operations, webhooks) {
  await page.goto(url('/docs'), { waitUntil: 'load' });
  for (const { method, path } of operations) {
    await block(page, method, path).waitFor({ timeout: PAGE_MS });
  }
  const shown = await page.locator('.opblock').count();
  assert.equal(shown, operations.length + webhooks.length, 'Swagger UI shows what the document has');
  await screenshot(page, 'docs');
  await tryOut(page, operations, 'get', '/health');
  await authorize(page);
  await tryOut(page, operations, 'post', '/analyse');
}

/** Gives the page the API key, or signs in, as its reader does. */
async function authorize(page) {
  await page.locator('.scheme-container .btn.authorize').click();
  const dialog = page.locator('.dialog-ux .modal-ux');
  const scheme = dialog.locator('.auth-container', { hasText: signIn ? 'authorizationCode' : 'x-api-key' });
  if (signIn) {
    await scheme.locator('#client_id_authorizationCode').fill('docs');
    for (const scope of await scheme.locator('.scopes input[type=checkbox]').all()) {
      await scope.evaluate((box) => box.click());
    }
  } else {
    await scheme.locator('input').fill(apiKey);
  }
  await scheme.locator('.btn.authorize').click();
  await scheme.getByText('Authorized').first().waitFor({ timeout: PAGE_MS });
  await scheme.locator('.btn-done').click();
}

const block = (page, method, path) =>
  page.locator(`.opblock-${method}`, { has: page.locator(`.opblock-summary-path[data-path="${path}"]`) });

/** Executes an operation with what the page has filled in, and expects a 200. */
async function tryOut(page, operations, method, path) {
  const operation = operations.find((one) => one.method === method && one.path === path);
  assert(operation, `the document has ${method} ${path}`);
  const opened = block(page, method, path);
  await opened.locator('.opblock-summary-control').click();
  await opened.getByRole('button', { name: 'Try it out' }).click();
  if (operation.body) {
    const filledIn = await opened.locator('textarea.body-param__text').inputValue();
    assert.deepEqual(JSON.parse(filledIn), operation.body, `${path}: the body is the document's first example`);
  }
  await opened.getByRole('button', { name: 'Execute' }).click();
  const answer = opened.locator('.live-responses-table tbody .response-col_status');
  await answer.first().waitFor({ timeout: MODEL_MS });
  const status = (await answer.first().innerText()).trim();
  const body = await opened.locator('.live-responses-table tbody .response-col_description').first().innerText();
  assert(status.startsWith('200'), `${method} ${path} answers 200, not ${status}: ${body.slice(0, 400)}`);
  await answer.first().scrollIntoViewIfNeeded();
  await screenshot(page, `docs-${method}${path.replaceAll('/', '-')}`);
}

async function redoc(page, operations, webhooks) {
  await page.goto(url('/redoc'), { waitUntil: 'load' });
  for (const { summary } of [...operations, ...webhooks]) {
    await page.locator('.api-content').getByRole('heading', { name: summary }).first().waitFor({ timeout: PAGE_MS });
  }
  await screenshot(page, 'redoc');
  // The search runs in a worker that the page's security policy must allow.
  const { summary } = operations[0];
  await page.getByRole('textbox', { name: 'Search' }).pressSequentially(summary.match(/[A-Za-z]{6,}/)[0]);
  const found = page.locator('[data-role="search:results"] li', { hasText: summary });
  await found.first().waitFor({ timeout: PAGE_MS });
}

const screenshot = (page, name) => page.screenshot({ path: join(outDir, `${name}.png`) });

async function main() {
  await mkdir(outDir, { recursive: true });
  const response = await fetch(url('/openapi.json'));
  assert.equal(response.status, 200, `${url('/openapi.json')} is there`);
  const document = await response.json();
  const operations = operationsOf(document.paths);
  const webhooks = operationsOf(document.webhooks ?? {});
  assert(operations.length > 0, 'the document has operations');

  const profile = await mkdtemp(join(tmpdir(), 'docs-browser-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
    headless: true,
    args: CHROMIUM_FLAGS,
    viewport: { width: 1280, height: 900 },
  });
  try {
    for (const check of [swaggerUi, redoc]) {
      const complaints = [];
      const page = await context.newPage();
      watch(page, complaints);
      try {
        await check(page, operations, webhooks);
      } catch (error) {
        await screenshot(page, `${check.name}-failed`).catch(() => {});
        throw new Error([stripVTControlCharacters(error.message), ...complaints].join('\n'), { cause: error });
      }
      assert.deepEqual(complaints, [], `${check.name}: no errors and no other origins`);
      await page.close();
    }
  } finally {
    await context.close();
    await rm(profile, { recursive: true, force: true });
  }
  console.log(`ok: ${operations.length} operations in Swagger UI and ReDoc, GET /health and POST /analyse tried out`);
}

main().catch((error) => {
  console.error(`the documentation pages at ${base} failed:\n${error.message}`);
  process.exit(1);
});
