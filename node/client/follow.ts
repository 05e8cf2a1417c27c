// Law: a workflow belongs to the mesh, not to the node it was given to. Following it survives that node: events are told apart by
// key, so none is shown twice, and a node that never heard of the workflow is given the same intent again under the same key.

import type { OpenRequest, WorkflowEvent, WorkflowSummary } from '../gateway/index.ts';
import type { StoredFiles } from './files.ts';
import type { MeshClient } from './mesh-client.ts';
import { ApiFailure, ConnectionLost, call, callJson, readLines } from './socket.ts';

export interface FollowOptions {
  readonly signal?: AbortSignal;
  /** What to give a node that does not know the workflow: the request as it was, its files stored first. */
  readonly reopen?: { readonly request: OpenRequest; readonly files: StoredFiles };
  /** Silence after which the node is asked whether it still lives. */
  readonly probeAfterMs?: number;
}

const maxKeys = 65_536;
/** Tries in a row that brought no new event, before the failure is handed to the caller. */
const maxBarrenTries = 20;

/** Events from the beginning until the workflow has ended, each once. Throws ApiFailure, or ConnectionLost once no node answers. */
export async function* follow(
  client: MeshClient,
  workflow: string,
  options: FollowOptions = {},
): AsyncGenerator<WorkflowEvent, void, void> {
  const seen = new Set<string>();
  let id = workflow;
  for (let barren = 0; barren < maxBarrenTries; barren++) {
    const socket = client.socket;
    try {
      for await (const event of eventsFrom(client, socket, id, options)) {
        if (seen.has(event.key)) continue;
        if (seen.size >= maxKeys) seen.delete(seen.values().next().value!);
        seen.add(event.key);
        barren = 0;
        yield event;
        if (event.type === 'ended') return;
      }
      // The stream ended although the workflow has not: the node is going down.
      throw new ConnectionLost(socket, 'the node ended the stream early');
    } catch (error) {
      if (error instanceof ConnectionLost) await client.moveOn(error, options.signal);
      else if (error instanceof ApiFailure && error.code === 'not_found' && options.reopen !== undefined)
        id = await reopen(client, id, options);
      else throw error;
    }
    // A node that is stopping may still accept and drop connections for a moment.
    if (barren > 0) await new Promise((resolve) => setTimeout(resolve, Math.min(1_000, 50 * barren)));
  }
  throw new ConnectionLost(client.socket, `no node would stream the events of ${workflow}`);
}

/** One stream from one node, cut when the node falls silent and does not answer a probe either. */
async function* eventsFrom(
  client: MeshClient,
  socket: string,
  id: string,
  options: FollowOptions,
): AsyncGenerator<WorkflowEvent, void, void> {
  const cut = new AbortController();
  const signal = options.signal === undefined ? cut.signal : AbortSignal.any([options.signal, cut.signal]);
  const probeAfterMs = options.probeAfterMs ?? 2_000;
  let probing = false;
  const watch = setInterval(() => {
    if (probing) return;
    probing = true;
    void client.isAlive(socket).then((alive) => {
      probing = false;
      if (!alive) cut.abort(new ConnectionLost(socket, `the node ${client.nameOf(socket)} no longer answers`));
    });
  }, probeAfterMs);
  try {
    const path = `/v1/workflows/${encodeURIComponent(id)}/events`;
    // Waiting for a quorum may take hours of silence; the probe above is what notices a dead node.
    const response = await call(socket, path, { signal, silenceTimeoutMs: 0 });
    for await (const event of readLines<WorkflowEvent>(socket, response, signal)) {
      watch.refresh();
      yield event;
    }
  } finally {
    clearInterval(watch);
    cut.abort();
  }
}

/** Another live node may know the workflow; where none does, the one in use is given it again. Returns the workflow's id. */
async function reopen(client: MeshClient, id: string, options: FollowOptions): Promise<string> {
  for (const socket of client.sockets.slice(1)) {
    try {
      await callJson<WorkflowSummary>(socket, `/v1/workflows/${encodeURIComponent(id)}`, { silenceTimeoutMs: 2_000 });
      client.use(socket);
      return id;
    } catch (error) {
      if (!(error instanceof ApiFailure) && !(error instanceof ConnectionLost)) throw error;
    }
  }
  const { request, files } = options.reopen!;
  files.forget(client.socket);
  return (await client.open(request, files, options.signal)).workflow;
}
