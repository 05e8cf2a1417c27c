// Law: `ask` and `run` take the same options and mean the same by them.
import { MeshClient } from '../../client/index.ts';
import { findSockets } from '../locate.ts';
import { ProgressView } from '../progress-view.ts';
import type { Session } from '../session.ts';

export interface WorkingOptions {
  readonly output: string;
  readonly folder?: string;
  readonly data?: readonly string[];
  readonly yes: boolean;
  readonly dryRun: boolean;
  readonly wait: boolean;
  /** Milliseconds. */
  readonly timeout?: number;
}

export interface Connected {
  readonly client: MeshClient;
  /** Absent where only JSON is printed. */
  readonly progress: ProgressView | undefined;
}

/** A client of the node that is meant, which says when it has to go on through another one. */
export async function connectWorking(session: Session, folder: string | undefined): Promise<Connected> {
  const progress = session.json ? undefined : new ProgressView(session.terminal);
  const sockets = await findSockets(session, folder);
  const client = new MeshClient(sockets, { onMove: ({ from, to, reason }) => progress?.moved(from, to, reason) });
  return { client, progress };
}
