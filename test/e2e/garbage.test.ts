// Law: every port takes garbage from anyone: it is refused, counted under where it came from, and costs neither an answer nor a node.
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, localFile, TestMesh } from '../support/mesh.ts';
import { largestSums, packagesPath, readPackages } from '../support/packages.ts';
import { parley } from '../support/process.ts';

const packages = localFile('packages.csv', readFileSync(packagesPath));
const words = 'total installed_size per section in packages.csv, top 5';

let mesh: TestMesh;
beforeAll(async () => {
  mesh = await TestMesh.start(['amber', 'birch', 'cedar', 'dahlia']);
});
afterAll(() => mesh?.end());

/** Connects, writes, and waits for the other end to close, but not for long. Resolves with what came back. */
function pour(
  target: { readonly port: number } | { readonly path: string },
  chunks: readonly (string | Uint8Array)[],
  patienceMs = 300,
): Promise<string> {
  return new Promise((resolve) => {
    const socket = 'port' in target ? connect(target.port, '127.0.0.1') : connect(target.path);
    let back = '';
    const finish = (): void => {
      socket.destroy();
      resolve(back);
    };
    setTimeout(finish, patienceMs);
    socket.on('data', (chunk: Buffer) => {
      back += chunk.toString('latin1');
    });
    socket.once('error', finish).once('close', finish);
    socket.once('connect', () => {
      for (const chunk of chunks) socket.write(chunk);
    });
  });
}

const onTcp: readonly (readonly (string | Uint8Array)[])[] = [
  [randomBytes(1)],
  [randomBytes(100)],
  [randomBytes(70_000)],
  ['GET / HTTP/1.1\r\nhost: x\r\n\r\n'],
  ['\x13/multistream/1.0.0\n', '\x07/noise\n', randomBytes(2_000)],
  ['\x13/multistream/1.0.0\n', Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x0f)],
  [new Uint8Array(500)],
  [],
];

const onHttp: readonly (readonly (string | Uint8Array)[])[] = [
  [randomBytes(500)],
  ['GET /v1/status HTTP/9.9\r\n\r\n'],
  ['GET /v1/../../etc/passwd HTTP/1.1\r\nhost: x\r\n\r\n'],
  [`GET /v1/blobs/${'../'.repeat(20)}etc/passwd HTTP/1.1\r\nhost: x\r\n\r\n`],
  ['POST /v1/workflows HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 7\r\n\r\n{"a":1}'],
  ['POST /v1/plans HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\n\u0000\u0001\u0002{['],
  ['POST /v1/workflows HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999\r\n\r\n', randomBytes(5_000)],
  ['PUT /v1/blobs HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nabc'],
  [`GET /v1/status HTTP/1.1\r\nhost: x\r\n${'x: y\r\n'.repeat(20_000)}\r\n`],
  ['POST /v1/workflows/0000/cancel HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n'],
  ['DELETE /v1/workflows HTTP/1.1\r\nhost: x\r\n\r\n'],
];

describe('garbage on every port while a workflow runs', () => {
  it('costs no answer', async () => {
    let isPouring = true;
    let rounds = 0;
    const flood = (async () => {
      for (; isPouring || rounds < 3; rounds++) {
        for (const name of mesh.names)
          await Promise.all([
            ...onTcp.map((chunks) => pour({ port: mesh.portOf(name) }, chunks)),
            ...onHttp.map((chunks) => pour({ path: mesh.socketOf(name) }, chunks)),
          ]);
      }
    })();
    try {
      for (const node of mesh.names) {
        const asked = await mesh.ask(words, [packages], { node });
        expect((asked.detail.result!.json as { rows: unknown }).rows).toEqual(
          largestSums(readPackages(packagesPath), 5),
        );
      }
    } finally {
      isPouring = false;
      await flood;
    }
    const poured = rounds * mesh.names.length * (onTcp.length + onHttp.length);
    console.log(`${poured} connections of garbage while four workflows ran`);
    expect(mesh.live).toEqual(mesh.names);
  });

  it('is counted under the address it came from, and nobody is named for it', async () => {
    for (const name of mesh.names) {
      const { refusals, named } = await eventually(`${name} to have counted it`, async () => {
        const status = await mesh.status(name);
        const count = status.refusals.find(({ reason }) => reason === 'handshake')?.count ?? 0;
        return count >= onTcp.length ? status : undefined;
      });
      const fromOutside = refusals.filter(({ reason }) => reason === 'handshake');
      expect(fromOutside.map(({ from }) => from)).toEqual(['/ip4/127.0.0.1']);
      expect(named).toEqual([]);
      expect(refusals.filter(({ reason }) => reason !== 'handshake' && reason !== 'half_open')).toEqual([]);
    }
  });

  it('is answered on the local socket, where it is HTTP at all, with an error that says what is wrong', async () => {
    const answers = await eventually('all but two to be answered', async () => {
      const said = await Promise.all(onHttp.map((chunks) => pour({ path: mesh.socketOf('amber') }, chunks, 1_000)));
      return said.filter((answer) => answer !== '').length >= onHttp.length - 2 ? said : undefined;
    });
    for (const [i, answer] of answers.entries()) {
      // A body that never comes is waited for; everything else is answered with a client's error.
      if (answer !== '') expect([i, answer.slice(0, 12)]).toEqual([i, expect.stringMatching(/^HTTP\/1\.1 4\d\d$/)]);
      expect(answer).not.toContain('root:');
    }
    expect(JSON.parse(answers[4]!.split('\r\n\r\n')[1]!)).toMatchObject({
      error: { code: 'bad_request', message: expect.stringMatching(/./) },
    });
  });

  it('leaves the memory of the nodes where it was', async () => {
    for (const name of mesh.names) {
      const { node } = await mesh.status(name);
      console.log(`${name}: ${(node.rssBytes / 2 ** 20).toFixed(0)} MiB`);
      expect(node.rssBytes).toBeLessThan(400 * 2 ** 20);
    }
  });
});

describe('a command that cannot mean what it says', () => {
  const foreign = fileURLToPath(new URL('../../examples/certificates/packages.certificate.json', import.meta.url));
  const cases: readonly (readonly [words: readonly string[], code: number, reason: RegExp])[] = [
    [['member', 'list', 'birch'], 2, /takes no name/],
    [['member', 'remove', 'birch', '3'], 2, /takes no 3/],
    [['member', 'remove', 'birch', '--withdraw'], 2, /nothing is proposed/],
    [['run', '/'], 2, /is a folder/],
    [['audit', 'prove', foreign], 1, /is of mesh [0-9a-f]{64}, not of mesh/],
    [['up', '--detach'], 1, /a node runs in .* already[\s\S]*down --folder/],
  ];
  it.each(cases)('%j', async (words, code, reason) => {
    const said = await parley([...words, '--folder', mesh.folder('amber')]);
    expect(said.err).toMatch(reason);
    expect(said.code).toBe(code);
  });
});
