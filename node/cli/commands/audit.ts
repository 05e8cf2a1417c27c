// Law: the log can be read at any node and is believed for its cosignatures; checking a proof needs no node at all.
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { AuditReply } from '../../client/index.ts';
import { embedded, hexOf, provable, sizeIn, unclosedEpoch, verifyProof } from '../audit-proof.ts';
import { CliFailure, exitCodes } from '../failure.ts';
import { readNamed } from '../input-files.ts';
import { connect } from '../locate.ts';
import { check } from '../proof.ts';
import { printJson, type Session } from '../session.ts';
import { printable } from '../terminal.ts';

export interface AuditOptions {
  readonly folder?: string;
  readonly epoch?: number;
  readonly follow: boolean;
  readonly save?: string;
  readonly certificate?: string;
  readonly embed?: boolean;
  readonly mesh?: string;
  readonly since?: string;
}

const followPeriodMs = 500;

export async function audit(
  session: Session,
  what: string,
  file: string | undefined,
  options: AuditOptions,
): Promise<undefined> {
  if (what === 'tail') return tail(session, options);
  if (what === 'evidence') return evidence(session, options);
  if (what !== 'prove' && what !== 'verify')
    throw new CliFailure(
      exitCodes.usage,
      'bad_request',
      `audit ${what} is not known`,
      'It is tail, prove, verify or evidence.',
    );
  if (file === undefined)
    throw new CliFailure(
      exitCodes.usage,
      'bad_request',
      `audit ${what} needs a file`,
      what === 'prove' ? 'Name a certificate file.' : 'Name a proof that `audit prove` wrote.',
    );
  return what === 'prove' ? prove(session, file, options) : verify(session, file, options);
}

async function tail(session: Session, options: AuditOptions): Promise<undefined> {
  const client = await connect(session, options);
  const { terminal, json } = session;
  let from = 0;
  let shown = '';
  for (;;) {
    const reply = await client.audit(options.epoch, from, session.signal);
    if (json) terminal.out(JSON.stringify(reply));
    else {
      for (const { index, what, digest } of reply.entries)
        terminal.out(`${String(index).padStart(6)}  ${digest.slice(0, 12)}  ${printable(what)}`);
    }
    from += reply.entries.length;
    if (from < reply.size && reply.entries.length > 0) continue;
    if (!json) shown = showCheckpoint(session, reply, shown);
    if (!options.follow) return undefined;
    do {
      await new Promise((done) => setTimeout(done, followPeriodMs));
      session.signal.throwIfAborted();
    } while ((await client.audit(options.epoch, from, session.signal)).size === from);
  }
}

function showCheckpoint({ terminal }: Session, { size, epoch, checkpoint }: AuditReply, shown: string): string {
  const { dim } = terminal.paint;
  if (checkpoint === undefined)
    terminal.out(dim(size === 0 ? `nothing is logged in epoch ${epoch} yet` : 'no quorum has cosigned this yet'));
  else if (checkpoint !== shown)
    terminal.out(
      `\n${checkpoint
        .trimEnd()
        .split('\n')
        .map((line) => dim(printable(line)))
        .join('\n')}`,
    );
  return checkpoint ?? '';
}

async function prove(session: Session, file: string, options: AuditOptions): Promise<undefined> {
  const { terminal, program } = session;
  const certificate = readNamed(session, file);
  const entries = provable(certificate);
  if (!entries.ok) throw new CliFailure(exitCodes.failed, 'bad_request', `${file}: ${printable(entries.reason)}`);
  const client = await connect(session, options);
  const { mesh } = await client.status(session.signal);
  const verdict = check(certificate, { meshId: mesh.id });
  if (!verdict.ok)
    throw new CliFailure(
      exitCodes.failed,
      'not_proven',
      `${file} proves nothing: ${printable(verdict.reason)}`,
      verdict.hint,
    );
  const proof = await client.auditProof(
    {
      entries: entries.entries.map(({ epoch, kind, key, digest }) => ({ epoch, kind, key: hexOf(key), digest })),
      ...(options.since === undefined ? {} : { since: sinceOf(session, options.since) }),
    },
    session.signal,
  );
  if (options.embed === true) {
    const to = options.save ?? file;
    writeFileSync(resolve(session.cwd, to), embedded(certificate, proof));
    if (session.json) printJson(session, { file: to, entries: entries.entries.length });
    else {
      terminal.out(`${to}  carries the proof that what it decided (${entries.entries.length}) is logged`);
      const open = unclosedEpoch(proof, mesh.epoch);
      if (open !== undefined)
        terminal.out(
          `the log of epoch ${open}, which is over, is not closed yet: do this again in a moment, for \`verify --epoch\``,
        );
    }
    return undefined;
  }
  const path = options.save ?? `${file.replace(/(?:\.certificate)?\.json$/, '')}.audit.json`;
  writeFileSync(resolve(session.cwd, path), `${JSON.stringify(proof, null, 1)}\n`);
  if (session.json) printJson(session, { file: path, entries: entries.entries.length });
  else {
    terminal.out(`${path}  proves that what it decided (${entries.entries.length}) is logged`);
    terminal.out(`check it anywhere:  ${program} audit verify ${path} --certificate ${file}`);
  }
  return undefined;
}

function sinceOf(session: Session, file: string): { readonly epoch: number; readonly size: number } {
  try {
    return sizeIn(readNamed(session, file));
  } catch (error) {
    if (error instanceof CliFailure) throw error;
    throw new CliFailure(exitCodes.failed, 'bad_request', `${file}: ${printable((error as Error).message)}`);
  }
}

async function evidence(session: Session, options: AuditOptions): Promise<undefined> {
  const client = await connect(session, options);
  const shown = JSON.stringify(await client.auditEvidence(session.signal), null, 1);
  if (options.save === undefined) {
    session.terminal.out(shown);
    return undefined;
  }
  writeFileSync(resolve(session.cwd, options.save), `${shown}\n`);
  if (session.json) printJson(session, { file: options.save });
  else session.terminal.out(`${options.save}  convicts; check it anywhere:  ${session.program} verify ${options.save}`);
  return undefined;
}

async function verify(session: Session, file: string, options: AuditOptions): Promise<undefined> {
  const { terminal } = session;
  const { paint } = terminal;
  const verdict = verifyProof(readNamed(session, file), {
    ...(options.certificate === undefined ? {} : { certificate: readNamed(session, options.certificate) }),
    ...(options.mesh === undefined ? {} : { meshId: options.mesh }),
    ...(options.since === undefined ? {} : { since: readNamed(session, options.since) }),
  });
  if (!verdict.ok)
    throw new CliFailure(exitCodes.failed, 'not_proven', `${file} proves nothing: ${printable(verdict.reason)}`);
  if (session.json) {
    printJson(session, verdict);
    return undefined;
  }
  terminal.out(`${paint.green(paint.bold('valid'))}  ${file}`);
  for (const line of verdict.lines) terminal.out(`  ${paint.green('✓')} ${printable(line)}`);
  if (!verdict.isAnchored)
    terminal.out(`  ${paint.dim('–')} of mesh ${verdict.meshId}: compare it, or add --mesh ${verdict.meshId}`);
  return undefined;
}
