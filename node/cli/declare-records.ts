// Law: what a mesh keeps for others to check or to follow is declared here: certificates, the audit log, events.
import { type Declare, finding } from './declare.ts';
import { parseCount } from './parse.ts';

/** verify, audit, events. */
export function declareRecords({ add, withFolder, go }: Declare): void {
  add('verify <certificate>', {
    summary: 'check a certificate offline',
    description: 'Check a certificate offline, without a node, and say in words what it proves.',
    examples: [
      ['verify 3f9c2a81.certificate.json', 'the certificate alone'],
      ['verify 3f9c2a81.certificate.json --result 3f9c2a81.result.json', 'and that this is the result it is about'],
      ['verify 3f9c2a81.certificate.json --mesh 9b1c…', 'and that it is of this mesh'],
      ['verify evidence.json', 'what `audit evidence` wrote: whom it convicts'],
    ],
    notes: 'Exit code 1 when the file proves nothing, with the reason.',
  })
    .option('-r, --result <file>', 'the result that the certificate should be about')
    .option('-m, --mesh <id>', 'the id of the mesh it should be of (see `status`)')
    .option(
      '--epoch <number>',
      'the epoch the mesh is in now: a certificate of an earlier one must show that it is logged',
      parseCount(0, 0xffffffff),
    )
    .action((file: string, options) =>
      go(async (session, given) => (await import('./commands/verify.ts')).verify(session, file, given), options),
    );

  withFolder(
    add('audit', {
      summary: 'the log of everything the mesh decided',
      description: 'Read the log of everything the mesh decided, prove that something is in it, and check such proofs.',
      examples: [
        ['audit tail', 'what was decided, and the checkpoint that the members cosigned'],
        ['audit prove 3f9c2a81.certificate.json', 'a proof that its decisions are logged'],
        ['audit prove 3f9c2a81.certificate.json --embed', 'the same, inside the certificate'],
        ['audit evidence --save evidence.json', 'what convicts members; `verify` checks it'],
        ['audit verify 3f9c2a81.audit.json --certificate 3f9c2a81.certificate.json', 'offline, without a node'],
      ],
      notes: finding,
    })
      .argument('<what>', 'tail, prove, verify or evidence')
      .argument('[file]', 'for prove: a certificate; for verify: a proof'),
  )
    .option('--epoch <number>', 'with tail: of which epoch; default: the current one', parseCount(0, 0xffffffff))
    .option('--follow', 'with tail: go on until Ctrl-C', false)
    .option('-s, --save <file>', 'with prove or evidence: where to write it; default: beside the certificate')
    .option('--embed', 'with prove: put the proof into the certificate file', false)
    .option('-c, --certificate <file>', 'with verify: the certificate whose decisions must be logged')
    .option('-m, --mesh <id>', 'with verify: the id of the mesh it should be of (see `status`)')
    .option('--since <file>', 'with prove and verify: an earlier proof; the log must have only grown since')
    .action((what: string, file: string | undefined, options) =>
      go(async (session, given) => (await import('./commands/audit.ts')).audit(session, what, file, given), options),
    );

  withFolder(
    add('events', {
      summary: 'the event bus: publish, follow, see who is how far',
      description:
        'Publish events on a topic, follow one, alone or as a consumer of a group, and see how far groups are.',
      examples: [
        ['events publish orders \'{"order": 17}\' --key customer-4', 'kept by the mesh before it returns'],
        ['events tail orders', 'what comes from now on, until Ctrl-C'],
        ['events tail orders --from first', 'replay from the beginning, or from the position of an event'],
        ['events tail orders --group billing', 'a share of the events; acknowledged as they are printed'],
        ['events tail dead.billing.orders --from first', 'what the group billing could not handle, and why'],
        ['events groups', 'who holds what, and how far it is'],
      ],
      notes: `Events of one key stay in order; a group is given each at least once. Workflows are told on the topic \`workflows\`
where NATS clients may send intents.\n${finding}`,
    })
      .argument('<what>', 'publish, tail or groups')
      .argument('[topic]', 'lower-case words joined by dots')
      .argument('[data]', 'for publish: the event'),
  )
    .option('-k, --key <key>', 'with publish: events of one key are handled in order', '')
    .option('--id <id>', 'with publish: what a repeat is recognised by')
    .option('-g, --group <group>', 'with tail: consume as one of this group')
    .option('--from <position>', 'with tail: first, new, or a position; default: new, for a new group first')
    .option('-n, --count <number>', 'with tail: end after so many', parseCount(1, 1_000_000))
    .action((what: string, topic: string | undefined, data: string | undefined, options) =>
      go(
        async (session, given) => (await import('./commands/events.ts')).events(session, what, topic, data, given),
        options,
      ),
    );
}
