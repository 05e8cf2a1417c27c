// Law: what proves nothing is refused with a reason that a person can act on.
export class Refused extends Error {
  readonly hint: string | undefined;
  constructor(reason: string, hint?: string) {
    super(reason);
    this.hint = hint;
  }
}
