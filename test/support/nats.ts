// Law: a test that needs a NATS server starts its own, on ports that nobody else is given, and ends it by its process id.
// Where nats-server is not installed the test is skipped with a printed notice.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from './ports.ts';

export interface NatsServer {
  readonly url: string;
  readonly port: number;
  readonly folder: string;
  readonly pid: number;
  signal(name: NodeJS.Signals): void;
  /** SIGKILL, and until it is gone. */
  kill(): Promise<void>;
  /** Starts it again on the same port and the same folder. */
  restart(): Promise<void>;
  /** Kills it and removes its folder. */
  end(): Promise<void>;
}

export const natsServerBinary: string | undefined = (() => {
  const found = ['/usr/sbin/nats-server', '/usr/local/bin/nats-server', '/usr/bin/nats-server'].find(existsSync);
  if (found !== undefined) return found;
  const probe = spawnSync('nats-server', ['--version']);
  if (probe.status === 0) return 'nats-server';
  console.warn('notice: skipped, nats-server is not installed (Debian: apt-get install nats-server)');
  return undefined;
})();

/** `args` beside address, port and folders; `jetstream` stores in the server's own folder. */
export async function startNatsServer(
  options: {
    readonly args?: readonly string[];
    readonly jetstream?: boolean;
    readonly port?: number;
    readonly env?: Readonly<Record<string, string>>;
    /** A command that runs it somewhere else, for example in a network namespace. */
    readonly inside?: readonly string[];
  } = {},
): Promise<NatsServer> {
  const folder = mkdtempSync(join(tmpdir(), 'parley-nats-'));
  let child: ChildProcess;
  // One that is still its own after a restart.
  const port = options.port ?? (await freePorts(1))[0]!;
  let output = '';
  const start = async (): Promise<void> => {
    for (const name of readdirSync(folder)) if (name.endsWith('.ports')) rmSync(join(folder, name));
    const [program, ...words] = [...(options.inside ?? []), natsServerBinary!];
    child = spawn(
      program!,
      [
        ...words,
        ...['-a', '127.0.0.1', '-p', String(port), '--ports_file_dir', folder],
        ...(options.jetstream === true ? ['-js', '-sd', join(folder, 'jetstream')] : []),
        ...(options.args ?? []),
      ],
      { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, ...options.env } },
    );
    child.stderr!.on('data', (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-4_000);
    });
    const endMs = performance.now() + 60_000;
    for (;;) {
      const file = readdirSync(folder).find((name) => name.endsWith('.ports'));
      const text = file === undefined ? '' : readFileSync(join(folder, file), 'utf8');
      if (text.endsWith('}')) return;
      if (child.exitCode !== null || performance.now() > endMs)
        throw new Error(`nats-server did not start:\n${output}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  const kill = (): Promise<void> =>
    new Promise((resolve) => {
      if (child.exitCode !== null || child.signalCode !== null) return resolve();
      child.once('exit', () => resolve());
      child.kill('SIGKILL');
    });
  await start();
  return {
    url: `nats://127.0.0.1:${port}`,
    port,
    folder,
    get pid() {
      return child.pid!;
    },
    signal: (name) => void child.kill(name),
    kill,
    restart: start,
    async end() {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
