import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TokenAuthOptions } from '../../src/serve/index.ts';
import { startHarness } from './support/harness.ts';
import { type Answer, call, header } from './support/http.ts';

const timeout = 10_000;
const alice = `Basic ${Buffer.from('alice:se:cret').toString('base64')}`;
const users = { alice: 'se:cret' };
const form = { 'content-type': 'application/x-www-form-urlencoded' };

function field(answer: Answer, name: string): string {
  const value = (answer.json() as Record<string, unknown>)[name];
  assert.equal(typeof value, 'string', `${name} in ${answer.body.toString()}`);
  return String(value);
}

test('Basic: lets users in and nobody else', { timeout }, async () => {
  await using harness = await startHarness({
    auth: { kind: 'basic', users, allow: ({ action }) => action === 'pull' },
  });
  const url = `${harness.server.url}/v2/app/manifests/1`;
  const without = await call(url);
  assert.equal(without.status, 401);
  assert.match(header(without, 'www-authenticate'), /^Basic realm=/);
  for (const credentials of ['alice:no', 'bob:se:cret', 'toString:', ':', 'alice']) {
    const authorization = `Basic ${Buffer.from(credentials).toString('base64')}`;
    assert.equal((await call(url, { headers: { authorization } })).status, 401, credentials);
  }
  const headers = { authorization: alice };
  assert.equal((await call(url, { headers })).status, 200);
  assert.equal((await call(url, { headers, method: 'DELETE' })).status, 403);
});

async function startTokens(auth: Partial<TokenAuthOptions> = {}) {
  const clock = { now: 5_000_000 };
  const options = { auth: { kind: 'token', users, ...auth } as const, now: () => clock.now };
  const harness = await startHarness(options);
  const { url } = harness.server;
  const bearer = (token: string, path = '/v2/app/manifests/1'): Promise<Answer> =>
    call(url + path, { headers: { authorization: `Bearer ${token}` } });
  const fetchToken = (scope: string, authorization?: string): Promise<Answer> =>
    call(`${url}/token?service=longshore&scope=${scope}`, {
      headers: authorization === undefined ? {} : { authorization },
    });
  return {
    ...harness,
    clock,
    bearer,
    fetchToken,
    [Symbol.asyncDispose]: () => harness[Symbol.asyncDispose](),
  };
}

const PULL = 'repository:app:pull';

test('Token: challenges with realm, service and scope', { timeout }, async () => {
  await using harness = await startTokens({ service: 'depot' });
  const { url } = harness.server;
  const asked = await call(`${url}/v2/app/manifests/1`);
  assert.equal(asked.status, 401);
  assert.equal(
    header(asked, 'www-authenticate'),
    `Bearer realm="${url}/token",service="depot",scope="repository:app:pull"`,
  );
  const pushed = await call(`${url}/v2/a/b/blobs/uploads/`, { method: 'POST' });
  assert.match(header(pushed, 'www-authenticate'), /scope="repository:a\/b:pull,push"/);
  const bad = await harness.bearer('nonsense');
  assert.match(header(bad, 'www-authenticate'), /error="invalid_token"/);
});

test('Token: grants for a scope, for a time', { timeout }, async () => {
  await using harness = await startTokens({ ttlSeconds: 60 });
  const { clock, bearer, fetchToken, server } = harness;
  assert.equal((await fetchToken(PULL)).status, 401);
  assert.equal((await fetchToken(PULL, 'Basic eDp5')).status, 401);
  const answer = await fetchToken(PULL, alice);
  const token = field(answer, 'token');
  assert.equal(field(answer, 'access_token'), token);
  assert.equal((answer.json() as { expires_in: number }).expires_in, 60);
  assert.equal((await bearer(token)).status, 200);
  assert.equal((await bearer(token, '/v2/')).status, 200);
  const elsewhere = await bearer(token, '/v2/other/manifests/1');
  assert.match(header(elsewhere, 'www-authenticate'), /error="insufficient_scope"/);
  clock.now += 59_999;
  assert.equal((await bearer(token)).status, 200);
  clock.now += 1;
  assert.equal((await bearer(token)).status, 401);
  const next = field(await fetchToken(PULL, alice), 'token');
  assert.equal((await bearer(next)).status, 200);
  server.revokeTokens();
  assert.equal((await bearer(next)).status, 401);
});

test('Token: gives anonymous clients the right to pull where it is set', { timeout }, async () => {
  await using harness = await startTokens({
    anonymousPull: true,
    tokenField: 'access_token',
    tellsExpiry: false,
    allow: ({ repository, user }) => user !== undefined || repository !== 'private',
  });
  const { bearer, fetchToken } = harness;
  const answer = await fetchToken('repository:app:pull,push&scope=repository:private:pull');
  assert.deepEqual(Object.keys(answer.json() as object).sort(), ['access_token', 'issued_at']);
  const token = field(answer, 'access_token');
  assert.equal((await bearer(token)).status, 200);
  assert.equal((await bearer(token, '/v2/private/manifests/1')).status, 401);
  const upload = await call(`${harness.server.url}/v2/app/blobs/uploads/`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
  });
  assert.match(header(upload, 'www-authenticate'), /insufficient_scope/);
});

test('Token: OAuth2 grants and identity tokens', { timeout }, async () => {
  await using harness = await startTokens({ identityTokens: { 'robot-id': 'alice' } });
  const post = (fields: Record<string, string>): Promise<Answer> =>
    call(`${harness.server.url}/token`, {
      method: 'POST',
      headers: form,
      body: new URLSearchParams({ service: 'longshore', scope: PULL, ...fields }).toString(),
    });
  const password = { grant_type: 'password', username: 'alice', password: 'se:cret' };
  const first = await post({ ...password, access_type: 'offline' });
  assert.equal((await harness.bearer(field(first, 'access_token'))).status, 200);
  const identity = field(first, 'refresh_token');
  assert.equal((await harness.bearer(identity)).status, 401, 'an identity token opens nothing');
  for (const refresh of [identity, 'robot-id']) {
    const renewed = await post({ grant_type: 'refresh_token', refresh_token: refresh });
    assert.equal((await harness.bearer(field(renewed, 'access_token'))).status, 200);
  }
  const byQuery = await harness.fetchToken(`${PULL}&offline_token=true`, alice);
  assert.ok(field(byQuery, 'refresh_token'));
  for (const bad of [
    { grant_type: 'password', username: 'alice', password: 'no' },
    { grant_type: 'refresh_token', refresh_token: field(first, 'access_token') },
    { grant_type: 'client_credentials' },
  ]) {
    assert.equal((await post(bad)).status, 401, bad.grant_type);
  }
});

test('a challenge does not use up a counted fault', { timeout }, async () => {
  await using harness = await startTokens();
  const { server, bearer, fetchToken } = harness;
  server.faults = { rules: [{ on: { kind: 'manifest', first: 1 }, status: 500 }] };
  assert.equal((await call(`${server.url}/v2/app/manifests/1`)).status, 401);
  const token = field(await fetchToken(PULL, alice), 'token');
  assert.deepEqual([(await bearer(token)).status, (await bearer(token)).status], [500, 200]);
});
