/** What one request to `/live` of a validator shows. */
export type Probe =
  /** `clockAheadMs`: of this machine's clock, to the half second; undefined where the answer has no date. */
  | { readonly kind: 'alive'; readonly clockAheadMs: number | undefined }
  /** `refused`: nothing listens. `silent`: something took the connection and does not answer. `unreachable`: anything else. */
  | { readonly kind: 'refused' | 'silent' | 'unreachable'; readonly text: string };

const ANSWER_LIMIT_MS = 5_000;
/** An HTTP date is cut to its second: half of one is the best guess of the rest. */
const HALF_SECOND_MS = 500;

/** Whether a process answers, and how far its clock is from the one of this machine. */
export async function probe(url: string): Promise<Probe> {
  try {
    const startedMs = Date.now();
    const response = await fetch(`${url.replace(/\/+$/, '')}/live`, { signal: AbortSignal.timeout(ANSWER_LIMIT_MS) });
    await response.arrayBuffer();
    const middleMs = (startedMs + Date.now()) / 2;
    const theirsMs = Date.parse(response.headers.get('date') ?? '');
    const clockAheadMs = Number.isNaN(theirsMs) ? undefined : Math.round(middleMs - theirsMs - HALF_SECOND_MS);
    return { kind: 'alive', clockAheadMs };
  } catch (error) {
    const { name, cause } = error as { readonly name?: string; readonly cause?: { readonly code?: string } };
    if (name === 'TimeoutError') return { kind: 'silent', text: `no answer within ${ANSWER_LIMIT_MS / 1_000} s` };
    const code = cause?.code ?? String(error);
    return { kind: code === 'ECONNREFUSED' ? 'refused' : 'unreachable', text: code };
  }
}
