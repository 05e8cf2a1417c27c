// Law: what a service refuses reaches the client as an ApiError with a status that fits.

export type ApiErrorCode =
  | 'not_found'
  | 'bad_request'
  | 'needs_approval'
  | 'denied'
  | 'no_quorum'
  | 'not_ready'
  | 'conflict'
  | 'internal';
export const statusOf: Record<ApiErrorCode, 400 | 403 | 404 | 409 | 428 | 500 | 503> = {
  not_found: 404,
  bad_request: 400,
  needs_approval: 428,
  denied: 403,
  no_quorum: 503,
  not_ready: 503,
  conflict: 409,
  internal: 500,
};

/** Thrown by a service; reaches the client as its ApiError. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError';
  readonly code: ApiErrorCode;
  readonly hint: string | undefined;
  constructor(code: ApiErrorCode, message: string, hint?: string) {
    super(message);
    this.code = code;
    this.hint = hint;
  }
}
