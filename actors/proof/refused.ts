// Law: what proves nothing is refused with a reason that a person can act on.
import { MalformedBytes } from '../../protocols/wire/index.ts';

export class Refused extends Error {
  readonly hint: string | undefined;
  constructor(reason: string, hint?: string) {
    super(reason);
    this.hint = hint;
  }
}

/** What to answer for bytes that were refused or could not be read; anything else is a fault of this program and is thrown on. */
export function refusalFor(error: unknown): { readonly ok: false; readonly reason: string } {
  if (error instanceof Refused) return { ok: false, reason: error.message };
  if (error instanceof MalformedBytes) return { ok: false, reason: `a part of it is malformed: ${error.message}` };
  throw error;
}
