import type { Socket } from 'node:net';
import type { RestErrorCode } from '../types/rest-errors.ts';
import { RestError } from './errors.ts';
import { PROBLEM_TYPE, problemOf } from './problem.ts';

/** Answers, as far as the connection still can, what Node could not read as a request. */
export function answerClientError(code: string | undefined, socket: Socket): void {
  if (code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const problem = problemOf(new RestError(restCode(code), 'the connection is closed'));
  const body = JSON.stringify(problem);
  const headers = ['Connection: close', `Content-Type: ${PROBLEM_TYPE}`, `Content-Length: ${Buffer.byteLength(body)}`];
  socket.end(`HTTP/1.1 ${problem.status} ${problem.code}\r\n${headers.join('\r\n')}\r\n\r\n${body}`);
}

function restCode(code: string | undefined): RestErrorCode {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'REQUEST_TIMEOUT';
  if (code === 'HPE_HEADER_OVERFLOW') return 'HEADERS_TOO_LARGE';
  return 'BAD_REQUEST';
}
