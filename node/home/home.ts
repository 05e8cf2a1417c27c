// Law: a node's folder is the whole of the node: who it is, which mesh it is in, what it may share, what it stored. Secrets are 0600,
// every file is written whole or not at all, and a file that can't be understood is named in the error, never replaced.
import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { z } from 'zod';
import { hex } from '../../protocols/wire/index.ts';

export class HomeError extends Error {
  override readonly name = 'HomeError';
  readonly code: 'no_mesh' | 'no_identity' | 'damaged' | 'exists' | 'unreadable';
  readonly hint: string;
  constructor(code: HomeError['code'], message: string, hint: string) {
    super(message);
    this.code = code;
    this.hint = hint;
  }
}

const name = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, "lower-case letters, digits, '.', '_', '-', at most 63");

/** A table that stays at this node. Other nodes see only what `allow`ed skills make of it. */
const dataSetSchema = z.strictObject({
  name,
  path: z.string().min(1).max(4096),
  policy: z.strictObject({
    /** No group of fewer rows leaves this site. */
    minimumGroupSize: z.number().int().min(1).max(1_000_000),
    allow: z.array(z.string().max(64)).max(64),
  }),
});
export type DataSet = z.infer<typeof dataSetSchema>;

const file = z.string().min(1).max(4096);
const natsSchema = z.strictObject({
  /** For example `nats://10.0.0.5:4222`. */
  servers: z.array(z.string().min(1).max(512)).min(1).max(32),
  user: z.string().max(256).optional(),
  passwordFile: file.optional(),
  tokenFile: file.optional(),
  credsFile: file.optional(),
  nkeySeedFile: file.optional(),
  caFile: file.optional(),
  certFile: file.optional(),
  keyFile: file.optional(),
  /** The JetStream domain that keeps intents and events: for servers that are leaf nodes of one that has JetStream. */
  domain: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/)
    .optional(),
  /** The mesh's own traffic takes this way too, unless false. */
  transport: z.boolean().optional(),
  /** NATS clients may send intents, unless false. */
  intents: z.boolean().optional(),
  /** NATS clients may approve what is not read-only. */
  approvals: z.boolean().optional(),
});
export type NatsSettings = z.infer<typeof natsSchema>;

const relaySchema = z.strictObject({
  /** Members that may be reached through this node, which everybody can reach. */
  reservations: z.number().int().min(1).max(1_024).optional(),
  /** Behind a NAT: how many of the members that are relays to be reached through. */
  wanted: z.number().int().min(1).max(4).optional(),
});

const retentionSchema = z.strictObject({
  /** Inputs and intermediate results of workflows that are over are dropped when they have been here for so long. Default 30. */
  days: z.number().min(1).max(36_500).optional(),
  /** Beyond so much of them the oldest are dropped earlier. Default: no bound. */
  gigabytes: z.number().min(0).max(1e6).optional(),
});

const modelSchema = z.strictObject({
  /** Of the model server, which speaks Ollama's protocol. */
  url: z.url({ protocol: /^https?$/ }).max(512),
  /** As the server calls it, for example `llama3.2`. */
  name: z.string().min(1).max(200),
});
export type ModelSettings = z.infer<typeof modelSchema>;

const nodeSchema = z
  .strictObject({
    name,
    site: name,
    operator: name,
    modelFamily: name,
    /** Empty where the node reaches its mesh over NATS alone. */
    listen: z.array(z.string().max(256)).max(16),
    dataSets: z.array(dataSetSchema).max(64),
    nats: natsSchema.optional(),
    /** `PORT` on the loopback address, or `ADDRESS:PORT`: where Prometheus reads. Off where absent. */
    metrics: z
      .string()
      .regex(/^(?:[0-9.]+:|\[[0-9a-f:]+\]:)?\d{1,5}$/, 'PORT or ADDRESS:PORT')
      .optional(),
    /** What carries the event bus; every node of a mesh alike. Default: `jetstream` where there is "nats", else `lanes`. */
    events: z.enum(['lanes', 'jetstream']).optional(),
    /** Multiaddresses where others reach this node besides where it listens: behind a forwarded port, under a name. */
    announce: z.array(z.string().max(256)).max(16).optional(),
    relay: relaySchema.optional(),
    retention: retentionSchema.optional(),
    /** What this node judges with, beside rules; of the family that "modelFamily" names. */
    model: modelSchema.optional(),
  })
  .refine(({ listen, nats }) => listen.length > 0 || (nats !== undefined && nats.transport !== false), {
    path: ['listen'],
    message: 'give an address to listen on, or "nats" to reach the mesh by',
  })
  .refine(({ model, modelFamily }) => model === undefined || (modelFamily !== 'none' && modelFamily !== 'rules'), {
    path: ['modelFamily'],
    message: 'name the family of the "model", as tasks that ask for several families count it',
  });
export type NodeSettings = z.infer<typeof nodeSchema>;

const hexBytes = (bytes: number) =>
  z.string().regex(new RegExp(`^[0-9a-f]{${bytes * 2}}$`), `${bytes} bytes in hexadecimal`);
const meshSchema = z.strictObject({
  /** encodeGenesis, hexadecimal. */
  genesis: z
    .string()
    .regex(/^(?:[0-9a-f]{2})+$/)
    .max(1 << 20),
  /** Pre-shared key of the private mesh. */
  psk: hexBytes(32),
  /** Multiaddresses to dial at start. */
  bootstrap: z.array(z.string().max(256)).max(1024),
});
export type MeshSettings = z.infer<typeof meshSchema>;

export interface Home {
  readonly folder: string;
  readonly certificatesFolder: string;
  readonly storeFolder: string;
  readonly logFile: string;
  workflowFolder(workflow: string): string;
  /** The 32-byte Ed25519 seed. */
  secretKey(): Uint8Array;
  node(): NodeSettings;
  /** Undefined before the node is in a mesh. */
  mesh(): MeshSettings | undefined;
  saveNode(settings: NodeSettings): void;
  saveMesh(settings: MeshSettings): void;
  /** Where this node's local socket is to be: inside the folder, or under the temporary folder where the path would be too long for a socket. */
  readonly socketPath: string;
}

/** Longest path a Unix socket may have on Linux (sun_path, 108 bytes with its terminator); macOS allows 104. */
const socketPathMaxBytes = 100;

export function openHome(folder: string): Home {
  const root = resolve(folder);
  const file = (...parts: string[]): string => join(root, ...parts);
  const inside = file('node.sock');
  const socketPath =
    Buffer.byteLength(inside) <= socketPathMaxBytes
      ? inside
      : join(tmpdir(), `parley-${createHash('sha256').update(root).digest('hex').slice(0, 24)}.sock`);
  return {
    folder: root,
    certificatesFolder: file('certificates'),
    storeFolder: file('store'),
    logFile: file('node.log'),
    workflowFolder: (workflow) => file('workflows', workflow),
    socketPath,
    secretKey() {
      const path = file('identity.key');
      if (!existsSync(path))
        throw new HomeError(
          'no_identity',
          `${root} holds no identity (identity.key)`,
          'Run `parley up` to create one, or name the right folder with --folder.',
        );
      const text = readText(path).trim();
      if (!/^[0-9a-f]{64}$/.test(text))
        throw new HomeError(
          'damaged',
          `${path} is not a key: 64 hexadecimal digits expected`,
          'Restore the file from a backup. Without it this node cannot prove who it is; a new node must join in its place.',
        );
      return hex.decode(text);
    },
    node: () => parse(file('node.json'), nodeSchema),
    mesh: () => (existsSync(file('mesh.json')) ? parse(file('mesh.json'), meshSchema) : undefined),
    saveNode: (settings) => writeWhole(file('node.json'), JSON.stringify(settings, null, 2), 0o600),
    saveMesh: (settings) => writeWhole(file('mesh.json'), JSON.stringify(settings, null, 2), 0o600),
  };
}

export function hasIdentity(folder: string): boolean {
  return existsSync(join(folder, 'identity.key'));
}

/**
 * Creates the folder with a fresh identity. Throws HomeError `exists` where there is one: an identity is never overwritten; `no_identity` where
 * there was one: a stranger must not take over what its node was told.
 */
export function createHome(folder: string, settings: NodeSettings): Home {
  const home = openHome(folder);
  if (hasIdentity(home.folder))
    throw new HomeError(
      'exists',
      `${home.folder} already holds a node`,
      'Use another folder, or start the node that is there with `parley up`.',
    );
  if (home.mesh() !== undefined)
    throw new HomeError(
      'no_identity',
      `${home.folder} holds the mesh of a node and not its key (identity.key)`,
      'Restore the file from a backup. Without it this node cannot prove who it is; a new node must join in its place, in another folder.',
    );
  const dataSets = settings.dataSets.map((set) => ({
    ...set,
    path: isAbsolute(set.path) ? set.path : resolve(set.path),
  }));
  const checked = nodeSchema.safeParse({ ...settings, dataSets });
  if (!checked.success)
    throw new HomeError(
      'damaged',
      `these settings are not a node's: ${describe(checked.error)}`,
      'Correct the named setting.',
    );
  mkdirSync(home.folder, { recursive: true, mode: 0o700 });
  writeWhole(join(home.folder, 'identity.key'), `${randomBytes(32).toString('hex')}\n`, 0o600);
  home.saveNode(checked.data);
  return home;
}

/** The socket of the node that runs on `folder`, or `undefined` where none ever did. */
export function readSocketPath(folder: string): string | undefined {
  const path = join(folder, 'socket');
  return existsSync(path) ? readText(path).trim() : undefined;
}

export function saveSocketPath(home: Home): void {
  writeWhole(join(home.folder, 'socket'), `${home.socketPath}\n`, 0o600);
}

export function removeSocketPath(home: Home): void {
  rmSync(join(home.folder, 'socket'), { force: true });
}

/** Replaces `path` as one step: a reader sees the old file or the new one. */
export function writeWhole(path: string, content: string | Uint8Array, mode: number): void {
  const temporary = `${path}.${process.pid}.tmp`;
  const handle = openSync(temporary, 'w', mode);
  try {
    writeFileSync(handle, content);
    // Its bytes before its name: after a power failure the name must not stand over an empty file.
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  chmodSync(temporary, mode);
  renameSync(temporary, path);
}

function parse<T>(path: string, schema: z.ZodType<T>): T {
  let value: unknown;
  try {
    value = JSON.parse(readText(path));
  } catch (error) {
    if (error instanceof HomeError) throw error;
    throw new HomeError(
      'damaged',
      `${path} is not JSON: ${(error as Error).message}`,
      'Correct the file by hand or restore it from a backup.',
    );
  }
  const checked = schema.safeParse(value);
  if (!checked.success)
    throw new HomeError('damaged', `${path}: ${describe(checked.error)}`, 'Correct the named setting.');
  return checked.data;
}

function describe(error: z.ZodError): string {
  return error.issues.map((issue) => `${issue.path.join('.') || 'the file'}: ${issue.message}`).join('; ');
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    throw new HomeError(
      'unreadable',
      `${path} cannot be read (${code})`,
      code === 'EACCES' ? 'Run as the user who owns the folder.' : 'Name the right folder with --folder.',
    );
  }
}
