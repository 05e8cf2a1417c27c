// Law: a worker checks the input against the manifest, runs one skill at a time and answers with canonical bytes or a failure; it prints
// nothing, and loads only what the skill at hand needs.
import { enableCompileCache } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import type { ErrorObject, ValidateFunction } from 'ajv';
import type { Skill } from '../skills/index.ts';
import type { Reply, Request, WorkerSetup } from './messages.ts';

const silent = (_chunk: unknown, encoding?: unknown, done?: unknown): boolean => {
  const callback = typeof encoding === 'function' ? encoding : done;
  if (typeof callback === 'function') process.nextTick(callback as () => void);
  return true;
};
process.stdout.write = silent;
process.stderr.write = silent;

const { skillsModule, compileCache } = workerData as WorkerSetup;
// Before anything is loaded: with the node's cache of compiled modules a thread starts in about two thirds of the time.
if (compileCache !== undefined) enableCompileCache(compileCache);
const { canonicalBytes, profileFile, SkillFailure, skills: ownSkills } = await import('../skills/index.ts');
const skills: readonly Skill[] =
  skillsModule === undefined ? ownSkills : ((await import(skillsModule)) as { skills: readonly Skill[] }).skills;
const validators = new Map<string, ValidateFunction>();

async function validatorOf(skill: Skill): Promise<ValidateFunction> {
  const known = validators.get(skill.manifest.name);
  if (known !== undefined) return known;
  const { Ajv2020 } = await import('ajv/dist/2020.js');
  const validate = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(skill.manifest.input);
  validators.set(skill.manifest.name, validate);
  return validate;
}

function describe(errors: readonly ErrorObject[] | null | undefined): string {
  const one = (error: ErrorObject): string => {
    const allowed: unknown = error.params.allowedValues;
    const detail =
      error.keyword === 'additionalProperties'
        ? `: '${String(error.params.additionalProperty)}'`
        : Array.isArray(allowed)
          ? `: ${allowed.join(', ')}`
          : '';
    return `input${error.instancePath} ${error.message ?? 'is wrong'}${detail}`;
  };
  return (errors ?? []).slice(0, 3).map(one).join('; ');
}

async function answer(request: Request): Promise<Reply> {
  if (request.kind === 'profile') return { kind: 'profile', profile: await profileFile(request.file) };
  const skill = skills.find(({ manifest }) => manifest.name === request.skill);
  if (skill === undefined) throw new Error(`the worker has no skill '${request.skill}'`);
  const validate = await validatorOf(skill);
  if (!validate(request.input)) {
    throw new SkillFailure(
      'bad_input',
      `the input of ${request.skill} does not fit its schema: ${describe(validate.errors)}`,
    );
  }
  return { kind: 'result', output: canonicalBytes(await skill.run(request.input, request.files)) };
}

function refusal(error: unknown): Reply {
  if (error instanceof SkillFailure) return { kind: 'failure', code: error.code, message: error.message };
  // A system error's message holds a path of this machine; its code says enough.
  const code = (error as { code?: unknown }).code;
  const text =
    typeof code === 'string' && 'syscall' in (error as object) ? `a file could not be read (${code})` : String(error);
  return { kind: 'crashed', message: text };
}

parentPort?.on('message', (request: Request) => {
  answer(request)
    .catch(refusal)
    .then((reply) => {
      if (reply.kind === 'result') parentPort?.postMessage(reply, [reply.output.buffer as ArrayBuffer]);
      else parentPort?.postMessage(reply);
    });
});
