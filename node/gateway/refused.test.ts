import { expect, it } from 'vitest';
import type { MeshChain } from '../../protocols/mesh/index.ts';
import { examineRefusals } from './refused.ts';

const configOf = (...ids: string[]) => ({ config: { members: ids.map((id) => ({ id })) } });
/** Elm is a worker. */
const chain = {
  links: [configOf('Amber', 'Birch', 'Cedar'), configOf('Amber', 'Birch')],
  node: (id: string) => (['Amber', 'Birch', 'Elm'].includes(id) ? { id } : undefined),
  nameOf: (id: string) => id.toLowerCase(),
} as unknown as MeshChain;
const refused = (from: string, reason: string) => examineRefusals([{ from, reason, count: 7, detail: '' }], chain)[0]!;

it('a removed member that knocks is a note, and so is a stranger, under the address it came from', () => {
  expect(refused('Cedar', 'stranger')).toMatchObject({ subject: 'cedar', ok: true, isNote: true });
  expect(refused('Cedar', 'stranger').detail).toContain('no member any more');
  expect(refused('Cedar', 'signature')).toMatchObject({ ok: true, isNote: true });
  expect(refused('192.0.2.7', 'protocol')).toMatchObject({ subject: '192.0.2.7', ok: true, isNote: true });
});

it('a member that sends what no sound node sends is a fault, with what to do; what a start leaves behind is not', () => {
  for (const reason of ['signature', 'schema', 'malformed', 'entry', 'consensus', 'payload', 'log', 'flood'])
    expect([reason, refused('Birch', reason)]).toEqual([
      reason,
      expect.objectContaining({ ok: false, fix: expect.stringMatching(/./) }),
    ]);
  expect(refused('Elm', 'signature')).toMatchObject({ subject: 'elm', ok: false });
  for (const reason of ['stranger', 'unknown_type', 'expired', 'membership', 'slow', 'epoch'])
    expect(refused('Birch', reason)).toMatchObject({ ok: true, isNote: true });
});

it('another version on the wire is a note that says so, whoever speaks it and whichever transport found out', () => {
  for (const from of ['/ip4/192.0.2.7', '(unknown)', 'Birch'])
    expect(refused(from, 'version')).toMatchObject({ ok: true, detail: expect.stringContaining('same version') });
});

it('a NATS server that grants too little is a fault of the installation', () => {
  expect(refused('nats://127.0.0.1:4222', 'permissions')).toMatchObject({ ok: false });
});
