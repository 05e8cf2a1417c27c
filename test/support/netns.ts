// Law: a network that a test builds is its own: namespaces named after its process, removed at the end whatever becomes of the test, and those
// of a process that was killed are removed by the next one. Where the machine does not allow it, the test is skipped with a printed notice.
import { spawnSync } from 'node:child_process';

const prefix = 'parley-';

function command(name: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(name, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${name} ${args.join(' ')}: ${error?.message ?? stderr.trim()}`);
  return stdout;
}

/** Why no namespace can be made here, in words; undefined where they can. */
export const namespacesMissing: string | undefined = (() => {
  const missing = (() => {
    if (process.platform !== 'linux') return 'network namespaces are a thing of Linux';
    if (process.getuid?.() !== 0) return 'network namespaces need root';
    for (const [name, args] of [
      ['ip', ['-V']],
      ['nft', ['-v']],
    ] as const)
      if (spawnSync(name, args).status !== 0) return `${name} is not installed (Debian: iproute2, nftables)`;
    const probe = `${prefix}${process.pid}-probe`;
    try {
      command('ip', ['netns', 'add', probe]);
      command('ip', ['netns', 'exec', probe, 'nft', 'add', 'table', 'inet', 'probe']);
      return undefined;
    } catch (error) {
      return (error as Error).message;
    } finally {
      spawnSync('ip', ['netns', 'del', probe]);
    }
  })();
  if (missing !== undefined) console.warn(`notice: skipped, ${missing}`);
  return missing;
})();

export interface Namespace {
  readonly name: string;
  /** What to put before a command so that it runs here; the process keeps its id. */
  readonly inside: readonly string[];
  /** Runs a command here and returns what it printed. Throws where it fails. */
  run(...args: readonly string[]): string;
  /** Loads rules into the packet filter, in place of those of the same tables. */
  rules(text: string): void;
}

export class Networks {
  readonly #made: string[] = [];
  readonly #id = process.pid;

  constructor() {
    for (const line of command('ip', ['netns', 'list']).split('\n')) {
      const owner = new RegExp(`^${prefix}(\\d+)-`).exec(line)?.[1];
      if (owner !== undefined && Number(owner) !== this.#id && !isAlive(Number(owner)))
        spawnSync('ip', ['netns', 'del', line.split(' ')[0]!]);
    }
  }

  /** A namespace with its loopback up and nothing else. */
  add(label: string): Namespace {
    const name = `${prefix}${this.#id}-${label}`;
    command('ip', ['netns', 'add', name]);
    this.#made.push(name);
    const inside = ['ip', 'netns', 'exec', name];
    const run = (...args: readonly string[]): string => command('ip', [...inside.slice(1), ...args]);
    run('ip', 'link', 'set', 'lo', 'up');
    return {
      name,
      inside,
      run,
      rules(text) {
        const { status, stderr } = spawnSync('ip', [...inside.slice(1), 'nft', '-f', '-'], {
          input: text,
          encoding: 'utf8',
        });
        if (status !== 0) throw new Error(`nft in ${name}: ${stderr.trim()}`);
      },
    };
  }

  /** A cable between two namespaces: an interface at each end, named as given, with that address (`10.0.0.1/24`). */
  connect(
    a: { readonly at: Namespace; readonly as: string; readonly address?: string },
    b: { readonly at: Namespace; readonly as: string; readonly address?: string },
  ): void {
    command('ip', [
      ...['link', 'add', a.as, 'netns', a.at.name, 'type', 'veth'],
      ...['peer', 'name', b.as, 'netns', b.at.name],
    ]);
    for (const { at, as, address } of [a, b]) {
      if (address !== undefined) at.run('ip', 'address', 'add', address, 'dev', as);
      at.run('ip', 'link', 'set', as, 'up');
    }
  }

  /** Removes everything; what still runs in there keeps its namespace until it ends. Never throws. */
  end(): void {
    for (const name of this.#made.splice(0)) spawnSync('ip', ['netns', 'del', name]);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Rules that drop a share of what arrives over `device`, in percent. */
export function lossRules(device: string, percent: number): string {
  return `table inet loss
delete table inet loss
table inet loss {
  chain input {
    type filter hook input priority 0;
    iifname "${device}" numgen random mod 100 < ${percent} counter drop
  }
}
`;
}
