// Law: what flows, a file or a workflow's events, flows as it is read, and its client may go away at any time.
import { type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { until } from '../../test/support/world.ts';
import { GatewayError } from './error.ts';
import { asked, blob, send, socketPath, start, workflow } from './testing/server-kit.ts';

describe('a file', () => {
  it('is streamed to its service, whatever its size', async () => {
    await start();
    expect((await send('PUT', '/v1/blobs?name=a%20b.csv', Buffer.alloc(3 << 20))).status).toBe(200);
    expect((await send('PUT', '/v1/blobs?name=empty')).status).toBe(200);
    expect(asked).toEqual([
      ['storeBlob', 'a b.csv', 3 << 20],
      ['storeBlob', 'empty', 0],
    ]);
  });
  it.each(['', '?name=', `?name=${'x'.repeat(256)}`])('needs a name (%s)', async (query) => {
    await start();
    const { status, error } = await send('PUT', `/v1/blobs${query}`, 'x');
    expect([status, error?.code]).toEqual([400, 'bad_request']);
  });
  it('is read back as bytes', async () => {
    await start();
    expect((await send('GET', `/v1/blobs/${blob.digest}`)).text).toBe('\u0001\u0002\u0003');
  });
  it('whose client goes away in the middle of it is an error to its service, and the gateway goes on', async () => {
    let failed: unknown;
    let isBegun = false;
    await start({
      storeBlob: async (_name, source) => {
        try {
          for await (const _ of source) isBegun = true;
        } catch (error) {
          failed = error;
        }
        throw new GatewayError('bad_request', 'the upload broke off');
      },
    });
    const sent = request({
      socketPath,
      method: 'PUT',
      path: '/v1/blobs?name=a',
      headers: { host: 'parley', 'content-length': 1_000 },
    });
    sent.on('error', () => {});
    sent.write('half');
    await until('the first half', () => isBegun);
    sent.destroy();
    await until('the failure', () => failed !== undefined);
    expect((await send('GET', '/v1/workflows')).status).toBe(200);
  });
});

describe('a stream of events', () => {
  const streaming = (path: string): Promise<IncomingMessage> =>
    new Promise((resolve, reject) =>
      request({ socketPath, path, headers: { host: 'parley' } }, resolve)
        .on('error', reject)
        .end(),
    );

  it('is one object per line, and ends with the workflow', async () => {
    await start({
      events: async function* () {
        yield { key: 'a' } as never;
        yield { key: 'b' } as never;
      },
    });
    expect((await send('GET', `/v1/workflows/${workflow}/events`)).text).toBe('{"key":"a"}\n{"key":"b"}\n');
  });

  it('of a workflow nobody knows is not begun', async () => {
    await start({
      events: () => {
        throw new GatewayError('not_found', 'no such workflow');
      },
    });
    expect(await send('GET', '/v1/workflows/abcd/events')).toMatchObject({ status: 404, error: { code: 'not_found' } });
  });

  it.each(['before the first event', 'after it'])('whose client goes away %s takes nothing with it', async (when) => {
    let aborted = false;
    let isLeft = false;
    let isBegun = false;
    await start({
      events: async function* (_prefix, signal) {
        isBegun = true;
        try {
          if (when === 'after it') yield { key: 'a' } as never;
          await new Promise<void>((resolve) => {
            signal.addEventListener(
              'abort',
              () => {
                aborted = true;
                resolve();
              },
              { once: true },
            );
          });
        } finally {
          isLeft = true;
        }
      },
    });
    const socket = connect(socketPath);
    socket.write(`GET /v1/workflows/${workflow}/events HTTP/1.1\r\nhost: parley\r\n\r\n`);
    await until('the stream', () => isBegun);
    socket.destroy();
    await until('its end', () => aborted && isLeft);
    expect((await send('GET', '/v1/workflows')).status).toBe(200);
  });

  it('says something while nothing happens', async () => {
    await start({
      events: async function* (_prefix, signal) {
        yield { key: 'a' } as never;
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      },
    });
    const response = await streaming(`/v1/workflows/${workflow}/events`);
    let text = '';
    response.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8');
    });
    await until('a sign of life', () => /^\{"key":"a"\}\n\n+$/.test(text));
    response.destroy();
  });

  it('that nobody reads holds its events back: the service is not drained into memory', async () => {
    let told = 0;
    await start({
      events: async function* (_prefix, signal) {
        while (!signal.aborted && told < 100_000) yield { key: `${told++}`, text: 'x'.repeat(1_000) } as never;
      },
    });
    const response = await streaming(`/v1/workflows/${workflow}/events`);
    response.pause();
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(told).toBeLessThan(20_000);
    response.destroy();
  });
});
