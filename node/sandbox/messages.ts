// Law: what crosses between the node and a worker thread is plain data; a worker answers each request once.
import type { FileProfile } from '../../actors/system/index.ts';
import type { SkillFile } from '../skills/index.ts';

export type Request =
  | { readonly kind: 'run'; readonly skill: string; readonly input: unknown; readonly files: readonly SkillFile[] }
  | { readonly kind: 'profile'; readonly file: SkillFile };

export type Reply =
  | { readonly kind: 'result'; readonly output: Uint8Array }
  | { readonly kind: 'failure'; readonly code: string; readonly message: string }
  | { readonly kind: 'profile'; readonly profile: FileProfile }
  | { readonly kind: 'crashed'; readonly message: string };

/** What a worker is told when it starts. */
export interface WorkerSetup {
  /** URL of a module that exports `skills`; absent: the skills of this package. */
  readonly skillsModule: string | undefined;
  /** The folder where the node keeps compiled modules, if it does. */
  readonly compileCache: string | undefined;
}
