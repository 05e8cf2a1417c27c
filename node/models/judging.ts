// Law: a node judges by its own model, or by rules alone where its member says that it has none: nobody passes for a model that was not asked.
// What a model did not say clearly is no opinion, and so neither yes nor no; what it said is kept with the digests of what it was asked.
import { z } from 'zod';
import type { BlobRef, Blobs, Crypto, Sandbox, SkillCall, SkillOutcome } from '../../actors/system/index.ts';
import { candidateName, canonicalBytes, type Opinion, type OpinionInput } from '../skills/index.ts';
import { type Model, ModelError } from './ollama.ts';
import { answerSchema, type Prompt, promptsFor } from './prompt.ts';

/** The skill that members judge by. */
export const opinionSkill = 'judge.opinion';
/** Families of members that have no model: they judge by rules. */
const withoutModel = new Set(['none', 'rules']);
/** What a model is given to judge, in all: more would not fit what it reads at once. */
const workMaxBytes = 48 * 1024;
const reasonMaxChars = 500;

const answer = z.object({ reason: z.string(), accept: z.boolean() });

export interface JudgingOptions {
  readonly sandbox: Sandbox;
  readonly blobs: Pick<Blobs, 'read'>;
  readonly crypto: Pick<Crypto, 'sha256'>;
  readonly modelFamily: string;
  readonly model: Model | undefined;
}

/** The same sandbox, in which judging also asks the node's model. */
export function judgingSandbox({ sandbox, blobs, crypto, modelFamily, model }: JudgingOptions): Sandbox {
  async function judge(call: SkillCall, options: Parameters<Sandbox['run']>[1]): Promise<SkillOutcome> {
    const { signal: ended } = options;
    const deadline = AbortSignal.timeout(options.timeoutMs);
    const checked = await sandbox.run(call, options);
    if (checked.kind !== 'result') return checked;
    const byRules = JSON.parse(Buffer.from(checked.output).toString('utf8')) as Opinion;
    const { durationMs } = checked;
    const fault = (message: string): SkillOutcome => ({ kind: 'fault', code: 'crashed', message, durationMs });
    const input = call.input as OpinionInput;
    if (model === undefined && withoutModel.has(modelFamily) && (input.rules ?? []).length > 0) return checked;
    if (!byRules.accept) return checked;
    if (model === undefined)
      return fault(
        withoutModel.has(modelFamily)
          ? 'this node has no model, and there are no rules to judge by'
          : `this node is to judge by a model of the family ${modelFamily} and has none: set "model" in node.json`,
      );
    const files = Object.entries(call.files)
      .filter(([name]) => (name === candidateName) === ((input.of ?? 'result') === 'result'))
      .sort(([a], [b]) => (a < b ? -1 : 1));
    const sizeBytes = files.reduce((sum, [, ref]) => sum + ref.sizeBytes, 0);
    if (sizeBytes > workMaxBytes)
      return fault(`what is to be judged has ${sizeBytes} bytes, and a model is given at most ${workMaxBytes}`);
    const work = await Promise.all(files.map(async ([name, ref]) => ({ name, text: await textOf(ref) })));
    const prompts = promptsFor({ question: input.question, criteria: input.criteria ?? [], work }, crypto);
    try {
      const signal = ended === undefined ? deadline : AbortSignal.any([deadline, ended]);
      const said: { readonly accept: boolean; readonly reason: string }[] = [];
      // One no is enough: the second order can only take a yes back.
      for (const prompt of prompts)
        if (said.every(({ accept }) => accept)) said.push(await asked(model, prompt, signal));
      const accept = said.length === prompts.length && said.every((each) => each.accept);
      const opinion = {
        accept,
        by: 'model',
        reasons: said.map(({ reason }) => reason),
        model: model.name,
        prompts: prompts.slice(0, said.length).map(({ digest, seed }) => ({ digest, seed })),
      };
      return { kind: 'result', output: canonicalBytes(opinion), durationMs };
    } catch (error) {
      if (!(error instanceof ModelError)) throw error;
      return fault(error.message);
    }
  }

  async function textOf(ref: BlobRef): Promise<string> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of blobs.read(ref.digest)) chunks.push(chunk);
    return Buffer.concat(chunks).toString('utf8');
  }

  return {
    manifests: () => sandbox.manifests(),
    run: (call, options) => (call.skill === opinionSkill ? judge(call, options) : sandbox.run(call, options)),
    profile: (file, options) => sandbox.profile(file, options),
    close: () => sandbox.close(),
  };
}

async function asked(model: Model, prompt: Prompt, signal: AbortSignal): Promise<{ accept: boolean; reason: string }> {
  const { system, user, seed } = prompt;
  const text = await model.chat({ system, user, seed, schema: answerSchema, signal });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  const read = answer.safeParse(value);
  if (!read.success) throw new ModelError(`'${model.name}' did not answer with a reason and a yes or no`);
  return { accept: read.data.accept, reason: read.data.reason.slice(0, reasonMaxChars).toWellFormed() };
}
