// Law: a request reaches its service checked, or is refused in one way; the socket is its owner's alone.
import { statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { GatewayError } from './error.ts';
import { listen } from './server.ts';
import {
  adopt,
  asked,
  blob,
  failures,
  opening,
  post,
  send,
  servicesOf,
  socketPath,
  start,
  workflow,
} from './testing/server-kit.ts';

describe('a request', () => {
  it('that fits reaches its service, with nothing added', async () => {
    await start();
    expect((await post('/v1/workflows', opening)).status).toBe(201);
    expect((await post('/v1/plans', { words: 'w', files: [{ name: 'a.csv', blob }] })).status).toBe(200);
    expect((await post(`/v1/workflows/${workflow}/cancel`, {})).status).toBe(200);
    expect((await post('/v1/invites', { role: 'member', validForMs: 60_000 })).status).toBe(200);
    expect((await post('/v1/members', { member: 'amber', weight: 0 })).status).toBe(200);
    expect((await send('GET', `/v1/workflows/${workflow}/certificate`)).text).toBe('{}');
    for (const path of [
      '/v1/workflows',
      `/v1/workflows/${workflow}`,
      '/v1/members',
      '/v1/audit/evidence',
      '/v1/status',
      '/v1/doctor',
      '/v1/audit?from=3',
      '/v1/actors',
      '/v1/actors?overMs=5',
    ])
      expect([path, (await send('GET', path)).status]).toEqual([path, 200]);
    expect(asked).toEqual([
      ['open', opening],
      ['plan', { words: 'w', files: [{ name: 'a.csv', blob }] }],
      ['cancel', workflow, 'cancelled by the client', undefined],
      ['invite', { role: 'member', validForMs: 60_000 }],
      ['amend', { member: 'amber', weight: 0 }],
      ['certificate', workflow],
      ['list'],
      ['detail', workflow],
      ['members'],
      ['auditEvidence'],
      ['status'],
      ['doctor'],
      ['audit', undefined, 3],
      ['actors', 1000],
      ['actors', 5],
    ]);
  });

  it.each<readonly [string, string, unknown, RegExp]>([
    ['an opening without a plan’s words', '/v1/workflows', { ...opening, words: undefined }, /^words: /],
    ['an opening with too many words', '/v1/workflows', { ...opening, words: 'x'.repeat(2_001) }, /^words: /],
    [
      'an opening with half a character',
      '/v1/workflows',
      { ...opening, words: 'x\ud800' },
      /^words: it holds half a character/,
    ],
    ['a key that is too short', '/v1/workflows', { ...opening, idempotencyKey: 'short' }, /^idempotencyKey: /],
    [
      'a key with half a character',
      '/v1/workflows',
      { ...opening, idempotencyKey: 'a-key-of-its-\udc00' },
      /^idempotencyKey: it holds half/,
    ],
    ['an approval that is no yes or no', '/v1/workflows', { ...opening, approved: 'yes' }, /^approved: /],
    ['a field nobody knows', '/v1/workflows', { ...opening, extra: 1 }, /^the body: .*extra/],
    ['a list for a body', '/v1/workflows', [opening], /^the body: /],
    ['nothing for a body', '/v1/workflows', null, /^the body: /],
    [
      'a file with a digest that is none',
      '/v1/plans',
      { words: 'w', files: [{ name: 'a', blob: { ...blob, digest: '../../x' } }] },
      /^files\.0\.blob\.digest: /,
    ],
    [
      'a file of a negative size',
      '/v1/plans',
      { words: 'w', files: [{ name: 'a', blob: { ...blob, sizeBytes: -1 } }] },
      /^files\.0\.blob\.sizeBytes: /,
    ],
    ['a file without a name', '/v1/plans', { words: 'w', files: [{ name: '', blob }] }, /^files\.0\.name: /],
    [
      'more files than a plan reads',
      '/v1/plans',
      { words: 'w', files: Array.from({ length: 4_097 }, () => ({ name: 'a', blob })) },
      /^files: /,
    ],
    ['a reason that is a novel', `/v1/workflows/${workflow}/cancel`, { reason: 'x'.repeat(501) }, /^reason: /],
    ['a weight below nothing', '/v1/members', { member: 'amber', weight: -1 }, /^weight: /],
    ['a word on nobody', '/v1/members', { member: '' }, /^member: /],
    ['a role nobody has', '/v1/invites', { role: 'king', validForMs: 60_000 }, /^role: /],
    ['a ticket that is never valid', '/v1/invites', { role: 'member', validForMs: 0 }, /^validForMs: /],
    ['a ticket for ever', '/v1/invites', { role: 'member', validForMs: 1e15 }, /^validForMs: /],
    ['a proof of nothing', '/v1/audit/proof', { entries: [] }, /^entries: /],
    [
      'a proof of an entry that is none',
      '/v1/audit/proof',
      { entries: [{ epoch: 0, kind: 'verdict', key: 'zz', digest: workflow }] },
      /^entries\.0\.key: /,
    ],
  ])('that is %s is refused in words, and reaches nobody', async (_what, path, body, message) => {
    await start();
    const { status, error } = await post(path, body);
    expect([status, error?.code]).toEqual([400, 'bad_request']);
    expect(error?.message).toMatch(message);
    expect([asked, failures]).toEqual([[], []]);
  });

  it.each(['', '{', '{"words":', '\u0000', '"', `${'['.repeat(400_000)}${']'.repeat(400_000)}`])(
    'whose body is no such JSON is refused in words (%#)',
    async (body) => {
      await start();
      const { status, error } = await send('POST', '/v1/workflows', body);
      expect([status, error?.code]).toEqual([400, 'bad_request']);
      expect(asked).toEqual([]);
    },
  );

  it('of more than a mebibyte is refused, whatever it says of its length, and told where files go', async () => {
    await start();
    const { status, error } = await send('POST', '/v1/workflows', `"${'x'.repeat(1 << 20)}"`);
    expect([status, error?.code, error?.hint]).toEqual([400, 'bad_request', 'Send files with PUT /v1/blobs.']);
    const chunked = await new Promise<string>((resolve) => {
      const socket = connect(socketPath);
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk.toString('utf8');
      });
      socket.on('close', () => resolve(text));
      socket.on('error', () => resolve(text));
      socket.write(
        'POST /v1/workflows HTTP/1.1\r\nhost: parley\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n',
      );
      const piece = `${(1 << 16).toString(16)}\r\n${'x'.repeat(1 << 16)}\r\n`;
      for (let i = 0; i < 32; i++) socket.write(piece);
      socket.write('0\r\n\r\n');
    });
    expect(chunked).toMatch(/400 Bad Request[\s\S]*exceeds 1048576 bytes/);
    expect(asked).toEqual([]);
  });

  it.each([
    ['GET', '/'],
    ['GET', '/v1/nothing'],
    ['DELETE', '/v1/workflows'],
    ['POST', '/v1/status'],
    ['GET', '/v1/workflows/a/b/c'],
  ])('for %s %s, which is not part of the API, is told so', async (method, path) => {
    await start();
    const { status, error } = await send(method, path);
    expect([status, error?.code]).toEqual([404, 'not_found']);
    expect(error?.message).toContain(`${method} ${path}`);
  });

  it('for the audit log with a place that is no number is refused', async () => {
    await start();
    for (const query of ['from=x', 'from=-1', 'epoch=1.5', 'epoch=NaN'])
      expect([query, (await send('GET', `/v1/audit?${query}`)).error?.code]).toEqual([query, 'bad_request']);
  });

  it('to watch the actors for no time, or for more than a minute, is refused', async () => {
    await start();
    for (const time of ['0', '60001', '1.5', 'x', ''])
      expect([time, (await send('GET', `/v1/actors?overMs=${time}`)).error?.code]).toEqual([time, 'bad_request']);
  });
});

describe('a service that refuses', () => {
  it.each([
    ['not_found', 404],
    ['bad_request', 400],
    ['needs_approval', 428],
    ['denied', 403],
    ['no_quorum', 503],
    ['not_ready', 503],
    ['conflict', 409],
  ] as const)('with %s reaches the client as %i, with its hint', async (code, status) => {
    await start({ detail: () => Promise.reject(new GatewayError(code, 'what happened', 'what to do')) });
    const answer = await send('GET', '/v1/workflows/abcd');
    expect([answer.status, answer.error]).toEqual([status, { code, message: 'what happened', hint: 'what to do' }]);
    expect(failures).toEqual([]);
  });

  it('by falling over is an internal error that the log hears of', async () => {
    await start({
      list: () => {
        throw new TypeError('a fault of this program');
      },
    });
    const { status, error } = await send('GET', '/v1/workflows');
    expect([status, error?.code]).toEqual([500, 'internal']);
    expect(failures).toHaveLength(1);
  });

  it('for want of disk is said as such, and where to look', async () => {
    await start({
      list: () => {
        throw Object.assign(new Error('could not store it: the disk is full'), { name: 'StorageError' });
      },
    });
    const { error } = await send('GET', '/v1/workflows');
    expect(error).toMatchObject({
      message: 'could not store it: the disk is full',
      hint: expect.stringMatching(/doctor/),
    });
  });
});

describe('the socket', () => {
  it('is its owner’s alone from its first moment on', async () => {
    const umask = process.umask(0o022);
    try {
      const starting = listen(servicesOf(), socketPath);
      await new Promise((resolve) => setImmediate(resolve));
      expect((statSync(socketPath).mode & 0o777).toString(8)).toBe('600');
      adopt(await starting);
      expect((statSync(socketPath).mode & 0o777).toString(8)).toBe('600');
      expect(process.umask()).toBe(0o022);
    } finally {
      process.umask(umask);
    }
  });
  it('of a dead node is replaced, that of a living one is not', async () => {
    writeFileSync(socketPath, '');
    await start();
    expect((await send('GET', '/v1/workflows')).status).toBe(200);
    await expect(listen(servicesOf(), socketPath)).rejects.toThrow(/another process answers/);
    expect((await send('GET', '/v1/workflows')).status).toBe(200);
  });
});
