/** A refusal by the server, or by the session in its place. */
export class ProtocolError extends Error {
  /**
   * @param {string} code     one of the protocol's error codes; "lost" and "closed" are the session's own
   * @param {string} message  a sentence for a person
   * @param {number} [retryMs] when another try makes sense, in milliseconds
   */
  constructor(code, message, retryMs) {
    super(message);
    this.name = "ProtocolError";
    this.code = code;
    this.retryMs = retryMs;
  }
}

/**
 * Reads `{error:{code,message,retry_ms}}` of an HTTP body or the same fields of an `error` frame.
 * @param {any} body
 * @returns {ProtocolError}
 */
export function toError(body) {
  const code = typeof body?.code === "string" ? body.code : "internal";
  const message = typeof body?.message === "string" ? body.message : "";
  return new ProtocolError(code, message, typeof body?.retry_ms === "number" ? body.retry_ms : undefined);
}
