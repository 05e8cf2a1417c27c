// Law: one request to one node, over its local socket. What fails is told apart: the node said no (ApiFailure), or the node
// cannot be talked to (ConnectionLost), and only the second is worth trying elsewhere.
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { createConnection } from 'node:net';
import type { ApiError } from '../gateway/index.ts';

/** The node answered, and the answer is an error. `status` is the HTTP status. */
export class ApiFailure extends Error {
  override readonly name = 'ApiFailure';
  readonly status: number;
  readonly code: string;
  readonly hint: string | undefined;
  constructor(status: number, error: ApiError) {
    super(error.message);
    this.status = status;
    this.code = error.code;
    this.hint = error.hint;
  }
}

/** The node did not answer, or stopped in the middle of it. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
  readonly socket: string;
  constructor(socket: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.socket = socket;
  }
}

export interface CallOptions {
  readonly method?: 'GET' | 'POST' | 'PUT';
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it is, chunk by chunk, with the back-pressure of the socket. */
  readonly body?: AsyncIterable<Uint8Array>;
  readonly signal?: AbortSignal | undefined;
  /** Silence on the connection after which the node counts as lost. */
  readonly silenceTimeoutMs?: number;
}

const defaultSilenceTimeoutMs = 60_000;
/** A node's replies are small; only `readBytes` is used for payloads, with its own bound. */
const maxReplyBytes = 64 << 20;

/** True where something accepts connections on `socket` within `timeoutMs`. */
export function isListening(socket: string, timeoutMs = 500): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = createConnection(socket);
    const settle = (live: boolean): void => {
      clearTimeout(timer);
      connection.destroy();
      resolve(live);
    };
    // What came while this process had no processor is read before the time counts as over: a busy machine is no dead node.
    const timer = setTimeout(() => setImmediate(settle, false), timeoutMs);
    connection.once('connect', () => settle(true));
    connection.once('error', () => settle(false));
  });
}

/** Sends one request; resolves with the response once its status is known to be a success. Throws ApiFailure or ConnectionLost. */
export async function call(socket: string, path: string, options: CallOptions = {}): Promise<IncomingMessage> {
  options.signal?.throwIfAborted();
  const payload = options.json === undefined ? undefined : Buffer.from(JSON.stringify(options.json));
  const silenceTimeoutMs = options.silenceTimeoutMs ?? defaultSilenceTimeoutMs;
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const request = httpRequest({
      socketPath: socket,
      path,
      method: options.method ?? 'GET',
      agent: false,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      headers: {
        host: 'parley',
        accept: '*/*',
        ...(payload === undefined ? {} : { 'content-type': 'application/json', 'content-length': payload.byteLength }),
        ...(options.body === undefined ? {} : { 'content-type': 'application/octet-stream' }),
      },
    });
    request.setTimeout(silenceTimeoutMs, () => {
      const before = request.socket?.bytesRead;
      // As in `isListening`: what has come meanwhile is read first.
      setImmediate(() => {
        if (request.socket?.bytesRead === before)
          request.destroy(new Error(`no byte for ${silenceTimeoutMs / 1000} s`));
      });
    });
    request.once('response', resolve);
    request.on('error', (error) => reject(lostOrAborted(socket, error, options.signal)));
    if (options.body === undefined) request.end(payload);
    else
      send(request, options.body).catch((error: unknown) => {
        request.destroy();
        // A source that cannot be read is the caller's problem and must not look like a lost node.
        reject(error);
      });
  });
  const status = response.statusCode ?? 0;
  if (status >= 200 && status < 300) return response;
  const bytes = await readBytes(socket, response, 1 << 20, options.signal);
  throw new ApiFailure(status, errorOf(status, bytes));
}

/** As `call`, with the reply parsed. */
export async function callJson<T>(socket: string, path: string, options: CallOptions = {}): Promise<T> {
  const response = await call(socket, path, options);
  const bytes = await readBytes(socket, response, maxReplyBytes, options.signal);
  try {
    return JSON.parse(bytes.toString('utf8')) as T;
  } catch (error) {
    throw new ApiFailure(502, {
      code: 'internal',
      message: `the node's reply to ${path} is not JSON (${(error as Error).message})`,
      hint: 'Is another program listening on this socket? Run `parley doctor`.',
    });
  }
}

/** The whole body, refused beyond `maxBytes`. */
export async function readBytes(
  socket: string,
  response: IncomingMessage,
  maxBytes: number,
  signal?: AbortSignal,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      sizeBytes += chunk.byteLength;
      if (sizeBytes > maxBytes) {
        response.destroy();
        throw new ApiFailure(502, { code: 'internal', message: `the node's reply is larger than ${maxBytes} bytes` });
      }
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof ApiFailure) throw error;
    throw lostOrAborted(socket, error as Error, signal);
  }
  return Buffer.concat(chunks);
}

/** One parsed JSON value per line. A stream cut short ends in ConnectionLost; a line over 1 MiB is refused. */
export async function* readLines<T>(
  socket: string,
  response: IncomingMessage,
  signal?: AbortSignal,
): AsyncGenerator<T, void, void> {
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      rest += decoder.decode(chunk, { stream: true });
      let start = 0;
      for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n', start)) {
        const line = rest.slice(start, end);
        start = end + 1;
        if (line.trim() !== '') yield JSON.parse(line) as T;
      }
      rest = rest.slice(start);
      if (rest.length > 1 << 20) throw new Error('a line of the event stream is longer than 1 MiB');
    }
  } catch (error) {
    throw lostOrAborted(socket, error as Error, signal);
  }
}

async function send(request: ClientRequest, body: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of body) {
    if (request.destroyed) return;
    if (!request.write(chunk)) {
      await new Promise<void>((resolve) => {
        const go = (): void => {
          request.off('drain', go);
          request.off('close', go);
          resolve();
        };
        request.once('drain', go);
        request.once('close', go);
      });
    }
  }
  request.end();
}

function lostOrAborted(socket: string, error: Error, signal?: AbortSignal): Error {
  if (signal?.aborted === true) return signal.reason instanceof Error ? signal.reason : new Error('stopped');
  return new ConnectionLost(socket, `the node at ${socket} cannot be reached (${describe(error)})`, { cause: error });
}

function describe(error: Error): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT' || code === 'ECONNREFUSED') return 'it is not running';
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied: it belongs to another user';
  if (code === 'ECONNRESET' || code === 'EPIPE') return 'the connection broke';
  return error.message;
}

function errorOf(status: number, bytes: Buffer): ApiError {
  try {
    const { error } = JSON.parse(bytes.toString('utf8')) as { error?: Partial<ApiError> };
    if (typeof error?.code === 'string' && typeof error.message === 'string') return error as ApiError;
  } catch {
    // Not the node's own words: said below in ours.
  }
  return { code: 'internal', message: `the node answered with HTTP status ${status}` };
}
