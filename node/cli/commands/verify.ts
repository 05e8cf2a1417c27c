import { CliFailure, exitCodes } from '../failure.ts';
import { readNamed } from '../input-files.ts';
import { check, checkEvidence } from '../proof.ts';
import { printJson, type Session } from '../session.ts';
import { printable } from '../terminal.ts';

export interface VerifyOptions {
  readonly result?: string;
  readonly mesh?: string;
  readonly epoch?: number;
}

export async function verify(session: Session, file: string, options: VerifyOptions): Promise<undefined> {
  const certificate = readNamed(session, file);
  const result = options.result === undefined ? {} : { result: readNamed(session, options.result) };
  const mesh = options.mesh === undefined ? {} : { meshId: options.mesh };
  const epoch = options.epoch === undefined ? {} : { currentEpoch: options.epoch };
  const evidence = checkEvidence(certificate, mesh);
  const verdict = evidence ?? check(certificate, { ...result, ...mesh, ...epoch });
  if (!verdict.ok)
    throw new CliFailure(
      exitCodes.failed,
      'not_proven',
      `${file} proves nothing: ${printable(verdict.reason)}`,
      verdict.hint,
    );
  if (session.json) {
    printJson(session, verdict);
    return undefined;
  }
  const { terminal } = session;
  const { paint } = terminal;
  const isNoResult = evidence === undefined && 'about' in verdict && 'failed' in verdict.about;
  terminal.out(
    `${paint.green(paint.bold('valid'))}  ${file}${isNoResult ? paint.yellow('  (proves that there is no result)') : ''}`,
  );
  for (const line of verdict.lines) terminal.out(`  ${paint.green('✓')} ${printable(line)}`);
  if (evidence === undefined && !isNoResult && options.result === undefined)
    terminal.out(`  ${paint.dim('–')} no result was compared: add --result FILE`);
  return undefined;
}
