// Law: a certificate convinces without Parley's code. This reads a certificate file by docs/protocol.md alone, with Node's own modules.
// Left out: that members' keys are of prime order (protocol.md §2), and the comparison of the words for readers, which are not shown here.
//
//   node docs/independent-verifier.mjs CERTIFICATE MESH-ID [RESULT]
import { createHash, createPublicKey, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';

const zeros = '0'.repeat(64);
const sha256 = (...parts) => createHash('sha256').update(Buffer.concat(parts)).digest();
const need = (condition, why) => {
  if (!condition) throw new Error(why);
};

/** Reads the layout of §1; every read is strict, `end` refuses what is left over. */
class Reader {
  constructor(bytes, domain) {
    this.bytes = bytes;
    this.at = 0;
    if (domain !== undefined) need(this.text() === domain, `not a ${domain}`);
  }
  fixed(length) {
    need(this.at + length <= this.bytes.length, 'the bytes end too early');
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }
  u8 = () => this.fixed(1).readUInt8();
  u32 = () => this.fixed(4).readUInt32BE();
  i32 = () => this.fixed(4).readInt32BE();
  u64 = () => Number(this.fixed(8).readBigUInt64BE());
  hash = () => this.fixed(32).toString('hex');
  bool() {
    const value = this.u8();
    need(value < 2, 'not a boolean');
    return value === 1;
  }
  block = () => this.fixed(this.u32());
  text = () => new TextDecoder('utf-8', { fatal: true }).decode(this.block());
  list = (read) => Array.from({ length: this.u32() }, read);
  end = () => need(this.at === this.bytes.length, 'bytes are left over');
}

const u8 = (value) => Buffer.from([value]);
const u32 = (value) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const i32 = (value) => u32(value >>> 0);
const u64 = (value) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
};
const raw = (hex) => Buffer.from(hex, 'hex');
const block = (bytes) => Buffer.concat([u32(bytes.length), bytes]);
const text = (value) => block(Buffer.from(value, 'utf8'));
const write = (domain, ...fields) => Buffer.concat([text(domain), ...fields]);

const alphabet = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
/** §2: the node id of a raw key. */
function nodeId(key) {
  const bytes = Buffer.concat([raw('002408011220'), key]);
  let value = BigInt(`0x${bytes.toString('hex')}`);
  let id = '';
  for (; value > 0n; value /= 58n) id = alphabet[Number(value % 58n)] + id;
  return `1${id}`; // the leading zero byte
}

function isSigned(key, message, signature) {
  const spki = Buffer.concat([raw('302a300506032b6570032100'), key]);
  return verify(null, message, createPublicKey({ key: spki, format: 'der', type: 'spki' }), signature);
}

/** §3 */
function readConfig(bytes) {
  const r = new Reader(bytes, 'parley/config/1');
  const epoch = r.u32();
  const members = r.list(() => ({
    id: r.text(),
    weight: r.u32(),
    name: r.text(),
    site: r.text(),
    operator: r.text(),
    family: r.text(),
  }));
  const [f, c, p] = [r.u32(), r.u32(), r.u32()];
  const previous = r.hash();
  r.end();
  need(
    members.every(({ id }, i) => i === 0 || members[i - 1].id < id),
    'members are not sorted',
  );
  const total = members.reduce((sum, { weight }) => sum + weight, 0);
  const quorum = Math.floor((total + f) / 2) + 1;
  const slack = f === 0 ? c : Math.max(0, Math.floor((total - 3 * f - c + 1) / 2));
  need(total > 3 * f + 2 * c && p <= slack && quorum - p > f, 'the quorums are unsound');
  need(f === 0 || members.every(({ weight }) => weight <= f), 'one member outweighs f');
  const endorsing = f > 0 ? 2 * f + 1 : Math.floor(total / 2) + 1;
  return { epoch, members, f, previous, hash: sha256(bytes).toString('hex'), quorum, fast: total - p, endorsing };
}

const weigh = (config, ids) =>
  config.members.filter(({ id }) => ids.includes(id)).reduce((sum, { weight }) => sum + weight, 0);

function checkSigners(config, lists) {
  const seen = new Set();
  for (const list of lists) {
    list.forEach((id, i) => {
      need(
        config.members.some((member) => member.id === id),
        `${id} is no member`,
      );
      need(!seen.has(id), `${id} signed twice`);
      need(i === 0 || list[i - 1] < id, 'signers are not sorted');
      seen.add(id);
    });
  }
}

/** §6: proves that `config`'s members decided `value` under (domain, key). */
function checkCertificate(bytes, meshId, config, domain, key, value) {
  const r = new Reader(bytes, 'parley/certificate/1');
  const kind = r.u8();
  need(kind < 2, 'not a deciding certificate');
  need(r.u8() === domain && r.block().equals(key), 'the certificate answers another question');
  const instance = r.hash();
  need(r.u32() === config.epoch && r.hash() === config.hash, 'it was made under another config');
  const round = r.u32();
  need(r.hash() === value, 'it decided another value');
  const scope = [raw(meshId), u32(config.epoch), raw(config.hash), u8(domain), block(key)];
  need(
    sha256(write('parley/instance/1', ...scope)).toString('hex') === instance,
    'its instance is of another mesh, epoch or key',
  );
  need(kind !== 0 || round === 0, 'only round 0 decides fast');
  const signers = r.list(() => {
    const entry = r.block();
    const signer = r.text();
    const path = r.list(() => ({ position: r.u8(), siblings: r.list(() => r.fixed(32)) }));
    const signature = r.fixed(64);
    const v = new Reader(entry, 'parley/vote/1');
    need(v.u8() === kind && v.hash() === instance && v.u32() === round, 'a vote of another kind, instance or round');
    need(v.bool() && v.hash() === value, 'a vote for another value');
    v.i32();
    v.hash();
    v.end();
    const root = path.reduce(
      (hash, { position, siblings }) => {
        need(position <= siblings.length, 'a path points past its group');
        return sha256(u8(1), ...siblings.slice(0, position), hash, ...siblings.slice(position));
      },
      sha256(u8(0), entry),
    );
    need(
      isSigned(keyOf(config, signer), Buffer.concat([Buffer.from('parley/batch/1'), root]), signature),
      `${signer} did not sign`,
    );
    return signer;
  });
  r.end();
  checkSigners(config, [signers]);
  need(weigh(config, signers) >= (kind === 0 ? config.fast : config.quorum), 'too few votes');
}

/** The raw key in a member's node id: base58 undone. */
function keyOf(config, id) {
  need(
    config.members.some((member) => member.id === id),
    `${id} is no member`,
  );
  const value = [...id].reduce((sum, character) => sum * 58n + BigInt(alphabet.indexOf(character)), 0n);
  const key = raw(value.toString(16).padStart(76, '0')).subarray(6);
  need(nodeId(key) === id, 'a node id is not spelled canonically');
  return key;
}

const relations = ['exact', 'canonical', 'numeric', 'embedding', 'fields', 'all', 'any', 'judges'];

/** §7: whether a decision was made under the relation that its task names. */
function checkRelation(decision, spec = { kind: 'exact' }) {
  const { id, parameters } = decision.relation;
  const isPlain = Object.keys(spec).length === 1;
  const pinned = isPlain ? zeros : sha256(write('parley/relation/1', text(canonical(spec)))).toString('hex');
  need(id === spec.kind && parameters === pinned, `${decision.task} was compared by another relation`);
  if (decision.refused !== undefined) {
    for (const { refusing, families } of decision.refused)
      need(
        refusing.length >= (spec.atLeast ?? 0) && families >= (spec.families ?? 0),
        `${decision.task} is refused by too few judges, or of too few model families`,
      );
    return;
  }
  if (decision.kind !== 'ACCEPT') return;
  need(decision.attested >= (spec.atLeast ?? 0), `too few members attested ${decision.task}`);
  need(decision.families >= (spec.families ?? 0), `${decision.task} is attested by too few model families`);
}

/** §6: what a decision says, checked against the members. */
function readDecision(bytes, meshId, config) {
  const r = new Reader(bytes, 'parley/decision/1');
  const aboutStart = r.at;
  need(r.hash() === meshId && r.u32() === config.epoch, 'the decision is of another mesh or epoch');
  const decision = { workflow: r.hash(), planDigest: r.hash(), task: r.text(), attempt: r.u32() };
  const about = bytes.subarray(aboutStart, r.at);
  const form = r.u8();
  decision.kind = ['ACCEPT', 'REJECT', 'REASSIGN', 'REJECT'][form];
  need(decision.kind !== undefined, 'an unknown kind of decision');
  if (decision.kind === 'REASSIGN') {
    const expired = r.list(() => ({ key: r.fixed(32), signature: r.fixed(64) }));
    r.end();
    const members = expired.map(({ key }) => nodeId(key));
    checkSigners(config, [members]);
    need(weigh(config, members) >= config.quorum, 'too few say that time ran out');
    for (const { key, signature } of expired)
      need(isSigned(key, write('parley/expired/1', about, key), signature), 'an expiry is not signed');
    return decision;
  }
  if (form === 3) return readRefusal(r, decision, about, config);
  decision.callDigest = r.hash();
  decision.skill = r.text();
  const skillVersion = r.text();
  decision.resultDigest = r.hash();
  decision.sizeBytes = r.u64();
  if (decision.kind === 'REJECT') {
    const code = r.text();
    decision.message = r.text();
    need(
      sha256(write('parley/failure/1', text(code), text(decision.message))).toString('hex') === decision.resultDigest,
      'another failure was attested',
    );
  }
  decision.site = r.bool() ? r.text() : undefined;
  const relationStart = r.at;
  decision.relation = { id: r.text(), version: r.u32(), parameters: r.hash() };
  const relation = bytes.subarray(relationStart, r.at);
  const { id: kind, version } = decision.relation;
  need(version === 1 && relations.includes(kind), 'a relation that this verifier does not know');
  const isExact = kind === 'exact' || decision.kind === 'REJECT';
  const isMeasured = !['exact', 'canonical', 'judges'].includes(kind) && decision.kind === 'ACCEPT';
  const executor = r.fixed(32);
  const candidate = write(
    'parley/candidate/1',
    about,
    text(decision.skill),
    text(skillVersion),
    raw(decision.callDigest),
    u8(decision.kind === 'REJECT' ? 1 : 0),
    raw(decision.resultDigest),
    u64(decision.sizeBytes),
    executor,
  );
  need(isSigned(executor, candidate, r.fixed(64)), 'the candidate is not signed by its executor');
  const readAttestations = (verdict) =>
    r.list(() => {
      const key = r.fixed(32);
      const score = r.i32();
      const own = r.hash();
      const family = r.text();
      need(
        !isExact || verdict !== 1 || own === decision.resultDigest,
        'an attestation agrees with a result other than its own',
      );
      need(
        !isMeasured || (score >= 0 && score <= 1_000_000) === (verdict === 1),
        'an attestation says otherwise than it measured',
      );
      const member = config.members.find(({ id }) => id === nodeId(key));
      need(member?.family === family, 'an attestation speaks for another model family than its member');
      const fields = [
        raw(decision.callDigest),
        sha256(candidate),
        relation,
        i32(verdict),
        i32(score),
        raw(own),
        text(family),
        key,
      ];
      need(isSigned(key, write('parley/attestation/1', about, ...fields), r.fixed(64)), 'an attestation is not signed');
      families.push(family);
      return nodeId(key);
    });
  const families = [];
  const agreeing = readAttestations(1);
  decision.attested = agreeing.length;
  decision.families = new Set(families).size;
  const dissenting = readAttestations(-1);
  r.end();
  checkSigners(config, [[nodeId(executor)], agreeing, dissenting]);
  decision.endorsers = [nodeId(executor), ...agreeing];
  if (decision.site === undefined)
    need(weigh(config, decision.endorsers) >= config.endorsing, 'too few bear the result out');
  else
    need(
      config.members.every(({ id, site }) => !decision.endorsers.includes(id) || site === decision.site),
      'an endorser is of another site',
    );
  return decision;
}

/** §6: work that its judges refused. */
function readRefusal(r, decision, about, config) {
  decision.callDigest = r.hash();
  decision.skill = r.text();
  const version = text(r.text());
  const relationStart = r.at;
  decision.relation = { id: r.text(), version: r.u32(), parameters: r.hash() };
  const relation = r.bytes.subarray(relationStart, r.at);
  need(decision.relation.id === 'judges' && decision.relation.version === 1, 'a refusal by no judges');
  decision.message = 'its judges refused it';
  decision.refused = r.list(() => {
    const result = r.fixed(32);
    const size = u64(r.u64());
    const executor = r.fixed(32);
    const call = raw(decision.callDigest);
    const candidate = write(
      'parley/candidate/1',
      about,
      text(decision.skill),
      version,
      call,
      u8(0),
      result,
      size,
      executor,
    );
    need(isSigned(executor, candidate, r.fixed(64)), 'a candidate is not signed by its executor');
    const judges = (verdict) =>
      r.list(() => {
        const key = r.fixed(32);
        const [score, own, family] = [r.i32(), r.fixed(32), r.text()];
        need(
          config.members.some((member) => member.id === nodeId(key) && member.family === family),
          'a judge is no member, or of another model family',
        );
        const fields = [call, sha256(candidate), relation, i32(verdict), i32(score), own, text(family), key];
        need(isSigned(key, write('parley/attestation/1', about, ...fields), r.fixed(64)), 'a judgement is not signed');
        return { id: nodeId(key), family };
      });
    const refusing = judges(-1);
    const others = judges(1);
    const ids = (list) => list.map(({ id }) => id);
    checkSigners(config, [ids(refusing), ids(others)]);
    const made = nodeId(executor);
    need(![...ids(refusing), ...ids(others)].includes(made), 'an executor judged its own result');
    const total = weigh(config, ids(config.members));
    need(
      weigh(config, ids(refusing)) >= Math.max(config.endorsing - weigh(config, [made]), total - config.endorsing + 1),
      'too few judges refused it',
    );
    return { executor: made, refusing: ids(refusing), families: new Set(refusing.map(({ family }) => family)).size };
  });
  r.end();
  const executors = decision.refused.map(({ executor }) => executor);
  need(
    executors.every((id, i) => i === 0 || executors[i - 1] < id),
    'executors are not sorted, or stand twice',
  );
  need(weigh(config, executors) > config.f, 'liars alone may have made what was refused');
  return decision;
}

/** RFC 8785: JavaScript's own spelling of numbers and texts is the canonical one; what is left is the order of keys. */
function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return `{${Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`)
    .join(',')}}`;
}

/** §7: the digest of the call that `task` stands for, given what the tasks before it came to. */
function callDigest(plan, task, outcomes) {
  const files = {};
  const absent = new Map();
  for (const [name, source] of Object.entries(task.files)) {
    const outcome = 'task' in source ? outcomes.get(source.task) : undefined;
    if ('blob' in source) files[name] = source.blob;
    else if (outcome?.kind === 'ACCEPT') files[name] = { digest: outcome.resultDigest, sizeBytes: outcome.sizeBytes };
    else absent.set(source.task, outcome?.message ?? 'no node of the site answered in time');
  }
  const missing = plan.tasks
    .filter(({ id }) => absent.has(id))
    .map((source) => ({ site: source.placement?.site ?? source.id, reason: absent.get(source.id) }));
  const input =
    missing.length > 0 && Array.isArray(task.input?.missing)
      ? { ...task.input, missing: [...task.input.missing, ...missing] }
      : task.input;
  return sha256(
    Buffer.from(
      canonical({ domain: 'parley/call/1', skill: task.skill, input, files, placement: task.placement ?? null }),
    ),
  ).toString('hex');
}

const unbase64 = (text) => {
  const bytes = Buffer.from(text, 'base64');
  need(bytes.toString('base64') === text, 'base64 that is spelled otherwise than it would be written');
  return bytes;
};

/** RFC 9162 §2.1.3.2 */
function isIncluded(leaf, index, size, root, path) {
  if (index >= size) return false;
  let [at, last] = [BigInt(index), BigInt(size) - 1n];
  let hash = sha256(u8(0), leaf);
  for (const sibling of path) {
    if (last === 0n || sibling.length !== 32) return false;
    if (at % 2n === 1n || at === last) {
      hash = sha256(u8(1), sibling, hash);
      while (at % 2n === 0n && at !== 0n) {
        at >>= 1n;
        last >>= 1n;
      }
    } else hash = sha256(u8(1), hash, sibling);
    at >>= 1n;
    last >>= 1n;
  }
  return last === 0n && hash.equals(root);
}

/** c2sp.org/signed-note, tlog-checkpoint and tlog-cosignature: the size and root that members of quorum weight cosigned. */
function readCheckpoint(note, meshId, config) {
  const cut = note.lastIndexOf('\n\n') + 1;
  const body = note.slice(0, cut);
  const [origin, size, root, end] = body.split('\n');
  need(origin === `parley.mesh/${meshId}/epoch/${config.epoch}`, 'the checkpoint is of another log');
  need(/^(0|[1-9]\d{0,14})$/.test(size) && end === '', 'a checkpoint that is not canonical');
  let weight = 0;
  const lines = note.slice(cut + 1).split('\n');
  need(lines.pop() === '', 'a note ends in a newline');
  const cosigners = new Set();
  for (const line of lines) {
    const [, name, encoded] = /^— (\S+) (\S+)$/u.exec(line) ?? [];
    need(encoded !== undefined, 'a signature line that is none');
    const signed = unbase64(encoded);
    const member = config.members.find(({ id }) => `parley.node/${id}` === name);
    if (member === undefined || cosigners.has(name) || signed.length !== 76) continue;
    const key = keyOf(config, member.id);
    need(
      sha256(Buffer.from(`${name}\n`), u8(4), key)
        .subarray(0, 4)
        .equals(signed.subarray(0, 4)),
      'a signature of another key',
    );
    const time = signed.readBigUInt64BE(4);
    const message = Buffer.from(`cosignature/v1\ntime ${time}\n${body}`);
    need(isSigned(key, message, signed.subarray(12)), `${member.name} did not cosign the checkpoint`);
    cosigners.add(name);
    weight += member.weight;
  }
  need(weight >= config.quorum, 'too few cosigned the checkpoint');
  return { size: Number(size), root: unbase64(root) };
}

/** §8, parley-certificate/2: whether every decision stands in the log of its epoch; true where that log is closed. */
function checkLogged(audit, decided, meshId, config) {
  const known = ['checkpoint', 'entries', 'closing'];
  need(
    Object.keys(audit).every((key) => known.includes(key)),
    'it says of the log what is not understood',
  );
  const { size, root } = readCheckpoint(audit.checkpoint, meshId, config);
  const entry = (kind, key, digest) =>
    write('parley/audit-entry/1', u32(config.epoch), u8(kind), block(key), raw(digest));
  const paths = (proof) => proof.map(unbase64);
  need(audit.entries.length === decided.length, 'not every decision has its place in the log');
  decided.forEach(({ key, value }, i) => {
    const { index, proof } = audit.entries[i];
    need(isIncluded(entry(0, key, value), index, size, root, paths(proof)), 'a decision is not in the log');
  });
  if (audit.closing === undefined) return false;
  const last = unbase64(audit.closing.entry);
  const expected = entry(3, Buffer.alloc(0), last.subarray(-32).toString('hex'));
  need(last.equals(expected), 'the last entry does not close the log');
  need(isIncluded(last, size - 1, size, root, paths(audit.closing.proof)), 'what closes the log is not its last entry');
  return true;
}

/** §8. Returns what is proven; throws with the reason otherwise. */
export function verifyCertificate(bytes, trustedMeshId, result) {
  const file = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  const isNoResult = file.format.startsWith('parley-no-result/');
  need(
    file.format === `parley-${isNoResult ? 'no-result' : 'certificate'}/${file.audit === undefined ? 1 : 2}`,
    'not a parley-certificate',
  );
  const genesis = Buffer.from(file.mesh.genesis, 'base64');
  const meshId = sha256(genesis).toString('hex');
  need(meshId === trustedMeshId, `it is of mesh ${meshId}`);
  const g = new Reader(genesis, 'parley/genesis/1');
  g.text();
  g.fixed(32);
  let config = readConfig(g.block());
  g.end();
  need(config.epoch === 0 && config.previous === zeros, 'genesis holds epoch 0');
  for (const link of file.mesh.configs) {
    const next = Buffer.from(link.config, 'base64');
    const following = readConfig(next);
    need(following.epoch === config.epoch + 1 && following.previous === config.hash, 'the chain of configs is broken');
    const lines = (of) => of.members.map((member) => JSON.stringify(member));
    const changed = new Set(
      [...lines(config), ...lines(following)]
        .filter((line) => !(lines(config).includes(line) && lines(following).includes(line)))
        .map((line) => JSON.parse(line).id),
    );
    need(changed.size <= 1, 'more than one member changed at once');
    checkCertificate(
      Buffer.from(link.certificate, 'base64'),
      meshId,
      config,
      1,
      write('parley/config-key/1', u32(following.epoch)),
      sha256(next).toString('hex'),
    );
    config = following;
  }
  need(config.epoch === file.opened.epoch, 'the chain does not end at the epoch that decided');

  const { plan } = file;
  const planDigest = sha256(Buffer.from(canonical(plan))).toString('hex');
  const workflow = sha256(
    write('parley/workflow/1', raw(meshId), u32(config.epoch), text(file.opened.idempotencyKey), text(planDigest)),
  ).toString('hex');
  const decided = [];
  const decisions = file.decisions.map((item) => {
    const decisionBytes = Buffer.from(item.decision, 'base64');
    const decision = readDecision(decisionBytes, meshId, config);
    need(
      decision.workflow === workflow && decision.planDigest === planDigest,
      'a decision is of another workflow or plan',
    );
    const key = write('parley/verdict/1', raw(workflow), raw(planDigest), text(decision.task), u32(decision.attempt));
    checkCertificate(
      Buffer.from(item.certificate, 'base64'),
      meshId,
      config,
      0,
      key,
      sha256(decisionBytes).toString('hex'),
    );
    decided.push({ key, value: sha256(decisionBytes).toString('hex') });
    return decision;
  });

  /** Whether judges that refuse this attempt leave another one. */
  const again = (task, attempt) => attempt + 1 < Math.min(task.optional ? 1 : 3, task.relation?.attempts ?? 1);
  const outcomes = new Map();
  let used = 0;
  for (const task of plan.tasks) {
    const of = decisions.filter((decision) => decision.task === task.id).sort((a, b) => a.attempt - b.attempt);
    need(
      of.every(({ attempt }, i) => attempt === i) && of.length <= (task.optional ? 1 : 3),
      'attempts are missing or stand twice',
    );
    need(
      of.slice(0, -1).every(({ kind, refused, attempt }) => kind === 'REASSIGN' || (refused && again(task, attempt))),
      'an attempt follows one that was settled',
    );
    const last = of.at(-1);
    const isOpen =
      last !== undefined &&
      (last.kind === 'REASSIGN' ? of.length < (task.optional ? 1 : 3) : last.refused && again(task, last.attempt));
    need(!isOpen, `${task.id} is not settled by the decisions there are`);
    used += of.length;
    if (of.length > 0) outcomes.set(task.id, of.at(-1));
  }
  need(used === decisions.length, 'it holds decisions on tasks that the plan does not have');
  for (const task of plan.tasks) {
    const outcome = outcomes.get(task.id);
    if (outcome === undefined || outcome.kind === 'REASSIGN') continue;
    need(
      task.after.every((id) => outcomes.has(id)),
      'a decision rests on outputs that are not there',
    );
    need(
      outcome.callDigest === callDigest(plan, task, outcomes) && outcome.skill === task.skill,
      `${task.id} answers another call`,
    );
    checkRelation(outcome, task.relation);
    need(
      outcome.site === (task.endorsement === 'site' ? task.placement?.site : undefined),
      `${task.id} rests on another rule`,
    );
  }
  const failed = plan.tasks.filter((task) => {
    const kind = outcomes.get(task.id)?.kind;
    return kind !== undefined && kind !== 'ACCEPT' && !(task.optional && task.id !== plan.result);
  });
  const named = { meshId, workflow, goal: plan.goal };
  const logged = file.audit === undefined ? {} : { isLogClosed: checkLogged(file.audit, decided, meshId, config) };
  if (isNoResult) {
    const [{ id } = {}] = failed;
    need(id !== undefined, 'no task failed');
    need(result === undefined, 'it proves that there is no result');
    const outcome = outcomes.get(id);
    return { ...named, failedTask: id, kind: outcome.kind, refused: outcome.refused, ...logged };
  }
  need(failed.length === 0, `${failed[0]?.id} has no result`);
  const answer = outcomes.get(plan.result);
  need(answer?.kind === 'ACCEPT', 'the result task has no result');
  if (result !== undefined)
    need(sha256(result).toString('hex') === answer.resultDigest, 'the result given is not the certified one');
  const names = config.members.filter(({ id }) => answer.endorsers.includes(id)).map(({ name }) => name);
  return {
    ...named,
    resultDigest: answer.resultDigest,
    endorsedBy: names.sort(),
    members: config.members.length,
    ...logged,
  };
}

if (import.meta.main) {
  const [certificate, meshId, result] = process.argv.slice(2);
  if (meshId === undefined) {
    console.error('usage: independent-verifier.mjs CERTIFICATE MESH-ID [RESULT]');
    process.exit(2);
  }
  try {
    const proven = verifyCertificate(
      readFileSync(certificate),
      meshId,
      result === undefined ? undefined : readFileSync(result),
    );
    console.log(JSON.stringify(proven, null, 2));
  } catch (error) {
    console.error(`${certificate} proves nothing: ${error.message}`);
    process.exit(1);
  }
}
