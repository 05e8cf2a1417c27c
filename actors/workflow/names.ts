// Law: a workflow is found by what its client knows it by: its key with the plan, the key as this node took it, or the key alone as first seen.
// A name that came later never takes an earlier one's place.
import type { Opened } from './record.ts';

type Named = Pick<Opened, 'idempotencyKey' | 'planDigest'>;

export interface Names {
  /** An opening that was taken. */
  opened(workflow: string, named: Named): void;
  /** An opening by this node's own gateway. */
  openedHere(workflow: string, key: string): void;
  byRequest(named: Named): string | undefined;
  ofOwn(key: string): string | undefined;
  byKey(key: string): string | undefined;
  forget(workflow: string, named: Named): void;
}

export function createNames(): Names {
  const requests = new Map<string, string>();
  const own = new Map<string, string>();
  const keys = new Map<string, string>();
  const requestOf = ({ idempotencyKey, planDigest }: Named): string => `${planDigest}|${idempotencyKey}`;
  const keep = (index: Map<string, string>, name: string, workflow: string): void => {
    if (!index.has(name)) index.set(name, workflow);
  };
  return {
    opened(workflow, named) {
      keep(requests, requestOf(named), workflow);
      keep(keys, named.idempotencyKey, workflow);
    },
    openedHere: (workflow, key) => keep(own, key, workflow),
    byRequest: (named) => requests.get(requestOf(named)),
    ofOwn: (key) => own.get(key),
    byKey: (key) => own.get(key) ?? keys.get(key),
    forget(workflow, named) {
      if (requests.get(requestOf(named)) === workflow) requests.delete(requestOf(named));
      for (const index of [own, keys])
        if (index.get(named.idempotencyKey) === workflow) index.delete(named.idempotencyKey);
    },
  };
}
