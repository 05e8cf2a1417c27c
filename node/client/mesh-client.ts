// Law: any live node will do. A client holds the sockets of several nodes of one mesh, talks to one, and when that one is lost
// repeats the request at another; every request it repeats is one the mesh answers the same way twice.

import type {
  ActorsReply,
  AmendRequest,
  AuditProofRequest,
  AuditReply,
  DoctorReport,
  InviteReply,
  InviteRequest,
  LeaveReply,
  LeaveRequest,
  MembersReply,
  NodeStatus,
  OpenReply,
  OpenRequest,
  PlanReply,
  PlanRequest,
  WorkflowDetail,
  WorkflowSummary,
} from '../gateway/index.ts';
import type { StoredFiles } from './files.ts';
import { ApiFailure, type CallOptions, ConnectionLost, call, callJson, isListening, readBytes } from './socket.ts';

export interface Move {
  readonly from: string;
  readonly to: string;
  readonly reason: string;
}

export interface MeshClientOptions {
  /** Called when the client has moved to another node. Names are node names where known, else socket paths. */
  readonly onMove?: (move: Move) => void;
  /** How long to look for a live node before giving up. Default 15 s: a node that restarts is back by then. */
  readonly searchTimeoutMs?: number;
}

const probeTimeoutMs = 2_000;
/** Beyond the time that a node was asked to take. */
const answerTimeoutMs = 10_000;
const maxSockets = 256;
/** A request that loses this many nodes is not worth another. */
const maxMoves = 16;
const maxPayloadBytes = 512 << 20;

export class MeshClient {
  #current: string;
  readonly #sockets = new Map<string, string | undefined>();
  readonly #options: MeshClientOptions;

  /** `sockets`: at least one; the first is tried first. */
  constructor(sockets: readonly string[], options: MeshClientOptions = {}) {
    const [first] = sockets;
    if (first === undefined) throw new Error('a client needs the socket of at least one node');
    this.#current = first;
    for (const socket of sockets) this.#learn(socket);
    this.#options = options;
  }

  /** The socket in use now. */
  get socket(): string {
    return this.#current;
  }

  /** Every socket known, the one in use first. */
  get sockets(): readonly string[] {
    return [this.#current, ...[...this.#sockets.keys()].filter((socket) => socket !== this.#current)];
  }

  nameOf(socket: string): string {
    return this.#sockets.get(socket) ?? socket;
  }

  async status(signal?: AbortSignal): Promise<NodeStatus> {
    const status = await this.request<NodeStatus>('/v1/status', { signal });
    this.#learn(this.#current, status.node.name);
    for (const peer of status.peers) if (peer.socket !== undefined) this.#learn(peer.socket, peer.name);
    return status;
  }

  /** The actors of the node in use, watched for `overMs` milliseconds. */
  actors(overMs: number, signal?: AbortSignal): Promise<ActorsReply> {
    return this.request(`/v1/actors?overMs=${overMs}`, { signal, silenceTimeoutMs: overMs + answerTimeoutMs });
  }

  doctor(signal?: AbortSignal): Promise<DoctorReport> {
    return this.request('/v1/doctor', { signal });
  }

  /** `files` are stored at the node that plans, even when that is another one than the first tried. */
  plan(request: Omit<PlanRequest, 'files'>, files: StoredFiles, signal?: AbortSignal): Promise<PlanReply> {
    return this.anywhere(async (socket) => {
      const stored = await files.at(socket, signal);
      const json: PlanRequest = { ...request, files: stored.map(({ name, blob }) => ({ name, blob })) };
      return callJson<PlanReply>(socket, '/v1/plans', { method: 'POST', json, signal });
    });
  }

  /** Opens the workflow; the request's idempotency key makes a repeat harmless, here or at another node. */
  open(request: OpenRequest, files: StoredFiles, signal?: AbortSignal): Promise<OpenReply> {
    return this.anywhere(async (socket) => {
      await files.at(socket, signal);
      return callJson<OpenReply>(socket, '/v1/workflows', { method: 'POST', json: request, signal });
    });
  }

  workflows(signal?: AbortSignal): Promise<readonly WorkflowSummary[]> {
    return this.request('/v1/workflows', { signal });
  }

  workflow(id: string, signal?: AbortSignal): Promise<WorkflowDetail> {
    return this.request(`/v1/workflows/${encodeURIComponent(id)}`, { signal });
  }

  /** `secret`: that of which the idempotency key ends in `#` and the SHA-256 (lower-case hex); with it one node's word is enough. */
  cancel(id: string, reason: string | undefined, signal?: AbortSignal, secret?: string): Promise<WorkflowDetail> {
    const json = { ...(reason === undefined ? {} : { reason }), ...(secret === undefined ? {} : { secret }) };
    return this.request(`/v1/workflows/${encodeURIComponent(id)}/cancel`, { method: 'POST', json, signal });
  }

  /** The log of an epoch, the current one's where none is named, from that entry on. */
  audit(epoch: number | undefined, from: number, signal?: AbortSignal): Promise<AuditReply> {
    const query = new URLSearchParams({ from: String(from), ...(epoch === undefined ? {} : { epoch: String(epoch) }) });
    return this.request(`/v1/audit?${query}`, { signal });
  }

  /** An audit proof file, as the node made it. */
  auditProof(request: AuditProofRequest, signal?: AbortSignal): Promise<unknown> {
    return this.request('/v1/audit/proof', { method: 'POST', json: request, signal });
  }

  invite(request: InviteRequest, signal?: AbortSignal): Promise<InviteReply> {
    return callJson(this.#current, '/v1/invites', { method: 'POST', json: request, signal });
  }

  /** An evidence file, as the node made it. */
  auditEvidence(signal?: AbortSignal): Promise<unknown> {
    return this.request('/v1/audit/evidence', { signal });
  }

  members(signal?: AbortSignal): Promise<MembersReply> {
    return callJson(this.#current, '/v1/members', { signal });
  }

  /** The word of the node in use, and of no other. */
  amend(request: AmendRequest, signal?: AbortSignal): Promise<MembersReply> {
    return callJson(this.#current, '/v1/members', { method: 'POST', json: request, signal });
  }

  /** The node in use leaves its mesh; it still runs then. */
  leave(request: LeaveRequest, signal?: AbortSignal): Promise<LeaveReply> {
    return callJson(this.#current, '/v1/leave', {
      method: 'POST',
      json: request,
      signal,
      silenceTimeoutMs: request.drainForMs + 60_000,
    });
  }

  /** Stops the node in use and no other: this is never repeated elsewhere. */
  async stop(signal?: AbortSignal): Promise<void> {
    await callJson(this.#current, '/v1/stop', { method: 'POST', json: {}, signal });
  }

  certificate(id: string, signal?: AbortSignal): Promise<Buffer> {
    return this.#bytes(`/v1/workflows/${encodeURIComponent(id)}/certificate`, signal);
  }

  blob(digest: string, signal?: AbortSignal): Promise<Buffer> {
    return this.#bytes(`/v1/blobs/${digest}`, signal);
  }

  request<T>(path: string, options: CallOptions): Promise<T> {
    return this.anywhere((socket) => callJson<T>(socket, path, options));
  }

  /** Runs `attempt` on the node in use and, while nodes are lost, on the next live one. */
  async anywhere<T>(attempt: (socket: string) => Promise<T>): Promise<T> {
    for (let moves = 0; ; moves++) {
      try {
        return await attempt(this.#current);
      } catch (error) {
        if (!(error instanceof ConnectionLost) || moves >= maxMoves) throw error;
        await this.moveOn(error);
      }
    }
  }

  /** Looks for a live node other than the lost one first; throws `lost` where none answers in time. */
  async moveOn(lost: ConnectionLost, signal?: AbortSignal): Promise<void> {
    const from = this.#current;
    if (lost.socket !== from) return; // Another request has moved already.
    const deadlineMs = Date.now() + (this.#options.searchTimeoutMs ?? 15_000);
    for (let waitMs = 50; ; waitMs = Math.min(waitMs * 2, 500)) {
      for (const socket of [...this.sockets.slice(1), from]) {
        signal?.throwIfAborted();
        if (!(await this.isAlive(socket))) continue;
        this.#current = socket;
        if (socket !== from) {
          this.#options.onMove?.({ from: this.nameOf(from), to: this.nameOf(socket), reason: lost.message });
        }
        return;
      }
      if (Date.now() + waitMs > deadlineMs) throw lost;
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  }

  /** True where the node answers a status request: a stopped process still accepts connections. */
  async isAlive(socket: string): Promise<boolean> {
    if (!(await isListening(socket))) return false;
    try {
      const status = await callJson<NodeStatus>(socket, '/v1/status', { silenceTimeoutMs: probeTimeoutMs });
      this.#learn(socket, status.node.name);
      for (const peer of status.peers) if (peer.socket !== undefined) this.#learn(peer.socket, peer.name);
      return true;
    } catch (error) {
      return error instanceof ApiFailure;
    }
  }

  /** Makes `socket` the one in use. */
  use(socket: string): void {
    this.#learn(socket);
    this.#current = socket;
  }

  async #bytes(path: string, signal?: AbortSignal): Promise<Buffer> {
    return this.anywhere(async (socket) =>
      readBytes(socket, await call(socket, path, { signal }), maxPayloadBytes, signal),
    );
  }

  #learn(socket: string, name?: string): void {
    if (this.#sockets.has(socket) || this.#sockets.size < maxSockets) {
      this.#sockets.set(socket, name ?? this.#sockets.get(socket));
    }
  }
}
