// Law: a node's view of its mesh, with every silent loss made visible: who is missing, what was refused, who was named.
import type { NodeStatus, PeerStatus } from '../../client/index.ts';
import { connect } from '../locate.ts';
import { printJson, type Session } from '../session.ts';
import { renderFields, renderTable } from '../table.ts';
import { duration, type Paint, printable, size } from '../terminal.ts';

export async function status(session: Session, options: { readonly folder?: string }): Promise<undefined> {
  const client = await connect(session, options);
  const seen = await client.status(session.signal);
  if (session.json) printJson(session, seen);
  else showStatus(session, seen);
  return undefined;
}

export function showStatus(
  session: Session,
  { mesh, node, peers, workflows, refusals, named, sandbox }: NodeStatus,
): void {
  const { terminal } = session;
  const { paint } = terminal;
  const enough = mesh.live >= mesh.quorum;
  const live = `${mesh.live} of ${mesh.members} members live`;
  terminal.out(
    renderFields(
      [
        ['mesh', `${paint.bold(printable(mesh.name))} · ${printable(mesh.id)} · epoch ${mesh.epoch}`],
        [
          'quorum',
          `${enough ? paint.green(live) : paint.red(`${live}: no quorum, nothing can be decided`)} · ${mesh.quorum} needed`,
        ],
        ['tolerates', printable(mesh.tolerance)],
        [
          'node',
          `${paint.bold(printable(node.name))} at ${printable(node.site)} · ${node.role} · up ${duration(node.uptimeMs)} · ${size(node.rssBytes)} · parley ${printable(node.version)}`,
        ],
        ['folder', printable(node.folder)],
        ['address', printable(node.addresses.join('  '))],
        ['sandbox', printable(sandbox)],
        ['workflows', `${workflows.running} running, ${workflows.ended} ended`],
      ],
      { paint },
    ),
  );
  terminal.out('');
  const columns = ['name', 'site', 'role', 'state', 'connected', 'skills', 'trust', 'id'].map((title) => ({ title }));
  const rows = [...peers]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((peer) => [
      peer.name,
      peer.site,
      peer.role,
      stateOf(peer),
      peer.self ? 'self' : peer.connected ? 'yes' : 'no',
      String(peer.skills.length),
      peer.trust === 'named' ? paint.red(peer.trust) : peer.trust,
      peer.id,
    ]);
  terminal.out(renderTable(columns, rows, { width: terminal.width, paint }));
  showLosses(session, { refusals, named }, paint);
}

function stateOf(peer: PeerStatus): string {
  return peer.self ? 'alive' : peer.state;
}

function showLosses(session: Session, { refusals, named }: Pick<NodeStatus, 'refusals' | 'named'>, paint: Paint): void {
  const { terminal } = session;
  if (named.length > 0) {
    terminal.out(`\n${paint.red(paint.bold('named by evidence or dissent'))}`);
    const rows = named.map(({ node, what, count }) => [node, String(count), what]);
    terminal.out(
      renderTable([{ title: 'node' }, { title: 'times', align: 'right' }, { title: 'what' }], rows, {
        width: terminal.width,
        paint,
      }),
    );
  }
  if (refusals.length > 0) {
    terminal.out(`\n${paint.yellow('refused')}`);
    const rows = refusals.map(({ from, reason, count }) => [from, String(count), reason]);
    terminal.out(
      renderTable([{ title: 'from' }, { title: 'times', align: 'right' }, { title: 'why' }], rows, {
        width: terminal.width,
        paint,
      }),
    );
  }
}
