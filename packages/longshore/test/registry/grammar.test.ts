import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { chooseChallenge, parseChallenges } from '../../src/registry/challenge.ts';
import { formatRange, parseContentRange } from '../../src/registry/contentRange.ts';
import {
  bodyLengthOf,
  findHeadEnd,
  parseResponseHead,
} from '../../src/registry/direct/responseHead.ts';
import { mayUsePlainHttp } from '../../src/registry/endpoint.ts';
import { RegistryError } from '../../src/registry/errors.ts';
import { proxyFor, readProxies } from '../../src/registry/proxy.ts';
import { cleanText, redactUrl } from '../../src/registry/redact.ts';
import { DEFAULT_RETRY_POLICY, retryDelay } from '../../src/registry/retry.ts';
import { parseRetryAfter } from '../../src/registry/retryAfter.ts';

const timeout = 20_000;
/** Any text, lone surrogates included; `unit: 'binary'` takes seconds to be set up. */
const anyText = (maxLength: number): fc.Arbitrary<string> =>
  fc.array(fc.nat(0xffff), { maxLength }).map((codes) => String.fromCharCode(...codes));
const token = fc.stringMatching(/^[A-Za-z][A-Za-z0-9._-]{0,12}$/);
const quotable = fc.string({ unit: 'grapheme-ascii', maxLength: 30 });

test('challenges are read as they were written', { timeout }, () => {
  const parameters = fc.uniqueArray(fc.tuple(token, quotable), {
    selector: ([name]) => name.toLowerCase(),
    minLength: 1,
    maxLength: 4,
  });
  const challenges = fc.array(fc.tuple(token, parameters), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(challenges, (list) => {
      const text = list
        .map(([scheme, pairs]) => {
          const quoted = pairs.map(
            ([name, value]) => `${name}="${value.replace(/["\\]/g, '\\$&')}"`,
          );
          return `${scheme} ${quoted.join(', ')}`;
        })
        .join(', ');
      const read = parseChallenges(text);
      assert.deepEqual(
        read.map(({ scheme, parameters: found }) => [scheme, [...found]]),
        list.map(([scheme, pairs]) => [
          scheme.toLowerCase(),
          pairs.map(([name, value]) => [name.toLowerCase(), value]),
        ]),
      );
    }),
  );
});

test('challenges as registries send them', () => {
  const first = (text: string): unknown => {
    const found = chooseChallenge(parseChallenges(text));
    return found && [found.scheme, Object.fromEntries(found.parameters)];
  };
  const realm = 'https://auth.example/token';
  assert.deepEqual(first(`Bearer realm="${realm}",service="a",scope="repository:x:pull"`), [
    'bearer',
    { realm, service: 'a', scope: 'repository:x:pull' },
  ]);
  assert.deepEqual(first(`Basic realm="x", Bearer realm=${realm}`), ['bearer', { realm }]);
  assert.deepEqual(first('Negotiate YIIg==, basic'), ['basic', {}]);
  assert.deepEqual(first('Bearer error="no realm", Basic realm="r"'), ['basic', { realm: 'r' }]);
  assert.equal(first('Negotiate'), undefined);
  assert.equal(first(''), undefined);
});

test('no text crashes the parsers of header fields', { timeout }, () => {
  fc.assert(
    fc.property(fc.oneof(anyText(300), fc.string({ maxLength: 300 })), (text) => {
      parseChallenges(text);
      parseChallenges(`Bearer ${text}`);
      const range = parseContentRange(text);
      assert.ok(range === undefined || range.start < range.end);
      const wait = parseRetryAfter(text, 0);
      assert.ok(wait === undefined || wait >= 0);
    }),
  );
});

test('long hostile challenges take no time', { timeout: 5000 }, () => {
  for (const text of ['a '.repeat(20_000), `B x="${'\\"'.repeat(20_000)}`, '='.repeat(40_000)]) {
    parseChallenges(text);
  }
});

test('Retry-After: seconds, fractions, durations, dates', () => {
  const now = Date.UTC(2026, 0, 1, 12, 0, 0);
  const cases: readonly [string, number | undefined][] = [
    ['0', 0],
    ['120', 120_000],
    ['0.5', 500],
    ['12.5ms', 12.5],
    ['1m30s', 90_000],
    ['1h', 3_600_000],
    ['250µs', 0.25],
    ['Thu, 01 Jan 2026 12:00:10 GMT', 10_000],
    ['Thu, 01 Jan 2026 11:00:00 GMT', 0],
    ['-1', undefined],
    ['1e9', undefined],
    ['soon', undefined],
    ['', undefined],
    ['9'.repeat(400), undefined],
  ];
  for (const [text, expected] of cases) assert.equal(parseRetryAfter(text, now), expected, text);
});

test('retry delays stay in their limits', { timeout }, () => {
  const failure = fc.record({
    status: fc.option(fc.constantFrom(429, 500, 503), { nil: undefined }),
    retryAfterMs: fc.option(fc.nat(400_000), { nil: undefined }),
  });
  const state = fc.record({
    attempt: fc.integer({ min: 1, max: 10 }),
    elapsedMs: fc.nat(400_000),
    random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    failure,
  });
  fc.assert(
    fc.property(state, ({ failure: options, ...rest }) => {
      const error = new RegistryError('x', { code: 'ERR_X', retryable: true, ...options });
      const delay = retryDelay({ ...rest, error }, DEFAULT_RETRY_POLICY);
      if (rest.attempt >= DEFAULT_RETRY_POLICY.maxAttempts) assert.equal(delay, undefined);
      if (delay === undefined) return;
      assert.ok(delay >= (options.retryAfterMs ?? 0));
      assert.ok(rest.elapsedMs + delay <= DEFAULT_RETRY_POLICY.maxElapsedMs);
      if (options.retryAfterMs === undefined) assert.ok(delay <= DEFAULT_RETRY_POLICY.maxDelayMs);
      const final = new RegistryError('x', { code: 'ERR_X', ...options });
      assert.equal(retryDelay({ ...rest, error: final }, DEFAULT_RETRY_POLICY), undefined);
    }),
  );
});

test('ranges survive the way through their fields', { timeout }, () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 1, max: 1e9 }), fc.nat(), (start, length, rest) => {
      const end = start + length;
      const field = `bytes ${start}-${end - 1}/${end + rest}`;
      assert.deepEqual(parseContentRange(field), { start, end, total: end + rest });
      assert.equal(formatRange(start, end), `bytes=${start}-${end - 1}`);
    }),
  );
  for (const text of ['bytes */100', 'bytes 5-4/10', 'bytes 0-10/10', 'items 0-1/2', '0-1/2']) {
    assert.equal(parseContentRange(text), undefined, text);
  }
});

const fields = fc.array(fc.tuple(token, fc.stringMatching(/^[!-~](?:[ -~]{0,20}[!-~])?$/)), {
  maxLength: 8,
});

test('response heads are read as they were written', { timeout }, () => {
  fc.assert(
    fc.property(fc.integer({ min: 200, max: 599 }), fields, (status, list) => {
      const lines = list.map(([name, value]) => `${name}: ${value}\r\n`);
      const bytes = Buffer.from(`HTTP/1.1 ${status} Any Reason\r\n${lines.join('')}\r\nrest`);
      const end = findHeadEnd(bytes);
      assert.equal(end, bytes.byteLength - 4);
      const read = parseResponseHead(bytes.subarray(0, end));
      assert.equal(read?.status, status);
      for (const [name, value] of list) {
        assert.ok(read?.headers.get(name.toLowerCase())?.includes(value));
      }
    }),
  );
});

test('of HTTP/1.0 only the refusal of a TLS port is read, and without a body', () => {
  const read = (text: string) => parseResponseHead(Buffer.from(`${text}\r\n\r\n`));
  const refusal = read('HTTP/1.0 400 Bad Request\r\nContent-Length: 5');
  assert.equal(refusal?.status, 400);
  assert.equal(bodyLengthOf(refusal), undefined);
  for (const line of ['HTTP/1.0 200 OK', 'HTTP/1.0 401 No', 'HTTP/1.0 4000', 'HTTP/2.0 400 No']) {
    assert.equal(read(line), undefined);
  }
});

test('no bytes crash the reader of heads, and none that it accepts are ambiguous', {
  timeout,
}, () => {
  const noise = fc.uint8Array({ maxLength: 200 });
  const pieces = fc.array(
    fc.oneof(
      fc.constantFrom(
        'HTTP/1.1 200 OK',
        '\r\n',
        '\n',
        '\r',
        ':',
        ' ',
        '\t',
        '\0',
        'content-length',
      ),
      fc.constantFrom('transfer-encoding', 'chunked', '5', '6', ',', '+5', '0x5', 'X'),
    ),
    { maxLength: 20 },
  );
  fc.assert(
    fc.property(noise, pieces, (random, parts) => {
      for (const body of [Buffer.from(random), Buffer.from(parts.join(''))]) {
        const bytes = Buffer.concat([
          Buffer.from('HTTP/1.1 200 OK\r\n'),
          body,
          Buffer.from('\r\n\r\n'),
        ]);
        const head = parseResponseHead(bytes.subarray(0, findHeadEnd(bytes)));
        const length = head && bodyLengthOf(head);
        if (length === undefined) continue;
        const text = bytes.subarray(0, findHeadEnd(bytes)).toString('latin1');
        assert.equal([...text.matchAll(/^content-length[ \t]*:/gim)].length, 1);
        assert.doesNotMatch(text, /^transfer-encoding/im);
        assert.doesNotMatch(text, /(?<!\r)\n|\r(?!\n)/);
      }
    }),
    { numRuns: 500 },
  );
});

test('plain HTTP: loopback and what was named', () => {
  const named = new Set(['reg.example:5000', 'lab.example', '[fd00::1]']);
  for (const [url, allowed] of [
    ['https://localhost', true],
    ['https://127.9.9.9:5000', true],
    ['https://[::1]:5000', true],
    ['https://sub.localhost', true],
    ['https://reg.example:5000', true],
    ['https://reg.example', false],
    ['https://lab.example:1', true],
    ['https://lab.example', true],
    ['https://[fd00::1]:5000', true],
    ['https://127.0.0.1.example', false],
    ['https://localhost.example', false],
    ['https://ghcr.io', false],
  ] as const) {
    assert.equal(mayUsePlainHttp(new URL(url), named), allowed, url);
  }
});

test('proxies: for what, and for what not', () => {
  const addresses = { http: 'http://p:1', https: 'http://p:2' };
  const proxies = readProxies({
    ...addresses,
    none: 'Example.com, .internal,10.0.0.0/8 ghcr.io:8443 [fd00::1]',
  });
  for (const [url, expected] of [
    ['https://docker.io', 'http://p:2'],
    ['http://docker.io', 'http://p:1'],
    ['https://example.com', undefined],
    ['https://sub.example.com:5000', undefined],
    ['https://notexample.com', 'http://p:2'],
    ['https://a.internal', undefined],
    ['https://10.1.2.3', undefined],
    ['https://11.1.2.3', 'http://p:2'],
    ['https://ghcr.io', 'http://p:2'],
    ['https://ghcr.io:8443', undefined],
    ['https://[fd00::1]', undefined],
    ['http://localhost:5000', undefined],
  ] as const) {
    assert.equal(proxyFor(new URL(url), proxies)?.url.origin, expected, url);
  }
  const none = readProxies({ ...addresses, none: '*' });
  assert.equal(proxyFor(new URL('https://x.y'), none), undefined);
});

test('what is shown is fit to be shown', { timeout }, () => {
  const url = new URL('https://me:pw@cdn.example/blob?X-Amz-Signature=s#f');
  assert.equal(redactUrl(url), 'https://cdn.example/blob');
  fc.assert(
    fc.property(anyText(2000), (text) => {
      const clean = cleanText(text);
      assert.ok(clean.length <= 300);
      assert.doesNotMatch(clean, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    }),
  );
});
