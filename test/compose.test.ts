// Law: docker-compose.yml and the Dockerfile are what an operator starts from: checked against a strict schema of the part of the Compose
// specification that is used (there is no engine here), and the entry point is run: two nodes found and join a mesh by it.

import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { MeshClient } from '../node/client/index.ts';
import { readSocketPath } from '../node/home/index.ts';
import { eventually } from './support/mesh.ts';
import { freePorts } from './support/ports.ts';
import { repository } from './support/process.ts';

const read = (path: string): string => readFileSync(join(repository, path), 'utf8');
const duration = z.string().regex(/^(?:\d+(?:us|ms|s|m|h))+$/);
const scalar = z.union([z.string(), z.number(), z.boolean()]);
const service = z.strictObject({
  image: z.string().regex(/^[a-z0-9./_-]+(?::[\w.-]+)?$/),
  build: z.string().optional(),
  command: z.array(z.string()).optional(),
  environment: z.record(z.string().regex(/^[A-Z][A-Z0-9_]*$/), scalar).optional(),
  volumes: z.array(z.string().regex(/^(?:\.\/[\w./-]+|[a-z][\w-]*):\/[\w./-]+(?::(?:ro|rw))?$/)).optional(),
  ports: z.array(z.string().regex(/^127\.0\.0\.1:\d+:\d+$/, 'published on this machine alone')).optional(),
  restart: z.enum(['no', 'always', 'on-failure', 'unless-stopped']).optional(),
  depends_on: z
    .record(z.string(), z.strictObject({ condition: z.enum(['service_started', 'service_healthy']) }))
    .optional(),
  healthcheck: z
    .strictObject({
      test: z.array(z.string()).min(2),
      interval: duration,
      timeout: duration,
      retries: z.number().int().positive(),
    })
    .optional(),
  cap_drop: z.array(z.string()).optional(),
  security_opt: z.array(z.string()).optional(),
  read_only: z.boolean().optional(),
  tmpfs: z.array(z.string().startsWith('/')).optional(),
  stop_grace_period: duration.optional(),
});
const compose = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9_-]*$/),
  services: z.record(z.string().regex(/^[a-zA-Z0-9._-]+$/), service),
  volumes: z.record(z.string(), z.null()),
  'x-node': z.unknown(),
  'x-environment': z.unknown(),
});

const children: ChildProcess[] = [];
const folders: string[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) {
    const gone = new Promise((resolve) => void child.once('exit', resolve));
    // The founder's entry point has a process beside the node.
    try {
      process.kill(-child.pid!, 'SIGKILL');
      await gone;
    } catch {
      // It ended by itself.
    }
  }
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

describe('the compose file', () => {
  it('fits the Compose specification, names no volume or service that is not there, and publishes only on this machine', () => {
    const file = compose.parse(parse(read('docker-compose.yml'), { merge: true }));
    const names = Object.keys(file.services);
    expect(names).toEqual(['nats', 'amber', 'birch', 'cedar']);
    for (const { volumes = [], depends_on = {} } of Object.values(file.services)) {
      for (const volume of volumes) {
        const [source = ''] = volume.split(':');
        if (source.startsWith('./')) accessSync(join(repository, source));
        else expect(Object.keys(file.volumes)).toContain(source);
      }
      for (const other of Object.keys(depends_on)) expect(file.services[other]?.healthcheck).toBeDefined();
    }
    const nodes = names.filter((name) => name !== 'nats').map((name) => file.services[name]!);
    const published = Object.values(file.services).flatMap(({ ports = [] }) => ports.map((port) => port.split(':')[1]));
    expect(new Set(published).size).toBe(published.length);
    expect(nodes.filter(({ environment }) => environment?.PARLEY_FOUNDS === '1').length).toBe(1);
    for (const { environment } of nodes) {
      expect(environment?.PARLEY_METRICS).toBe('0.0.0.0:9464');
      expect(environment?.PARLEY_NATS_PASSWORD).toContain(':?');
    }
  });

  it('builds an image that runs as a user of its own, and whose health is the node’s own word', () => {
    const lines = read('Dockerfile')
      .replace(/\\\n\s*/g, ' ')
      .split('\n');
    const instructions = lines.filter((line) => /^[A-Z]+ /.test(line));
    const of = (name: string): string[] => instructions.filter((line) => line.startsWith(`${name} `));
    expect(of('USER')).toEqual(['USER parley']);
    expect(instructions.indexOf('USER parley')).toBeGreaterThan(
      instructions.findIndex((line) => line.includes('useradd')),
    );
    expect(of('HEALTHCHECK')[0]).toContain('"status"');
    expect(of('FROM')[0]).toMatch(/^FROM node:24-/);
    const [, entry] = /"\/opt\/parley\/([^"]+)"/.exec(of('ENTRYPOINT')[0]!)!;
    accessSync(join(repository, entry!), constants.X_OK);
  });
});

describe('the entry point of the image', () => {
  it('founds a mesh and lets another node in by a ticket in the shared folder, which is gone afterwards', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'parley-entry-'));
    folders.push(folder);
    const tickets = join(folder, 'tickets');
    mkdirSync(tickets);
    const ports = await freePorts(3);
    const start = (name: string, index: number, more: Record<string, string> = {}): string => {
      const data = join(folder, name);
      const env = {
        ...{ PATH: `${join(repository, 'node_modules/node/bin')}:${process.env.PATH}`, HOME: folder },
        ...{ PARLEY_FOLDER: data, PARLEY_TICKETS: tickets, PARLEY_NAME: name },
        PARLEY_LISTEN: `127.0.0.1:${ports[index]}`,
        ...more,
      };
      children.push(spawn(join(repository, 'deploy/docker/node.sh'), [], { env, stdio: 'ignore', detached: true }));
      return data;
    };
    const amber = start('amber', 0, { PARLEY_FOUNDS: '1', PARLEY_METRICS: `127.0.0.1:${ports[2]}` });
    start('birch', 1);
    const client = await eventually('the founder', () => {
      const socket = readSocketPath(amber);
      return socket === undefined ? undefined : new MeshClient([socket]);
    });
    await eventually('two members', async () => (await client.status()).mesh.live === 2);
    const metrics = await (await fetch(`http://127.0.0.1:${ports[2]}/metrics`)).text();
    expect(metrics).toContain('parley_mesh_members 2');
    await eventually('no ticket', async () => (await import('node:fs')).readdirSync(tickets).length === 0);
  });
});
