// Law: what the planner knows about a skill is in its manifest and nowhere else; a manifest is plain data.

/** A JSON Schema (draft 2020-12) as plain data. */
export type JsonSchema = Readonly<Record<string, unknown>>;

export interface SkillManifest {
  /** Dotted lower-case name, for example `table.query`. */
  readonly name: string;
  readonly version: string;
  /** A few words for lists, for example "Query a table". */
  readonly title: string;
  readonly description: string;
  /** Schema of the call's input: an object. */
  readonly input: JsonSchema;
  readonly output: JsonSchema;
  /** Sentences people say, each with the input it stands for. */
  readonly examples: readonly { readonly words: string; readonly input: unknown }[];
  /** Canonical term to the words people use for it, for example "sum": ["total", "sum of"]. */
  readonly synonyms: Readonly<Record<string, readonly string[]>>;
  readonly effects: 'none' | 'writes-workflow-folder' | 'network' | 'destructive';
  /** What files a call takes. `formats` are those of `FileProfile`, or `json` for another task's output. */
  readonly files: readonly {
    readonly slot: string;
    readonly formats: readonly string[];
    readonly required: boolean;
    readonly many?: boolean;
  }[];
  /** Two honest nodes get equal bytes from equal inputs. Only such a skill can be a task's; another may be what members judge by. */
  readonly deterministic: boolean;
  /** Its output is worth something only where members judge it: a task of it needs the relation `judges`, and no words are planned into it. */
  readonly isJudged?: true;
  readonly minimumTimeoutMs: number;
}
