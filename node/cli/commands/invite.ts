// Law: a ticket is a secret that works once; it goes to standard output alone, so that it can be piped.
import { connect } from '../locate.ts';
import { printJson, type Session } from '../session.ts';
import { duration } from '../terminal.ts';

export interface InviteOptions {
  readonly folder?: string;
  /** Milliseconds. */
  readonly valid: number;
  readonly role: 'member' | 'worker' | 'observer';
}

export async function invite(session: Session, options: InviteOptions): Promise<undefined> {
  const client = await connect(session, options);
  const reply = await client.invite({ role: options.role, validForMs: options.valid }, session.signal);
  if (session.json) {
    printJson(session, reply);
    return undefined;
  }
  const { terminal, program } = session;
  terminal.out(reply.ticket);
  terminal.err(
    `\nGood for one ${options.role}, for ${duration(options.valid)}. Whoever holds it can join: pass it on as you would a password.\nOn the other machine:\n  ${program} join TICKET --folder ./node`,
  );
  return undefined;
}
