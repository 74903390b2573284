import { CodedError } from '../../src/util/errors.ts';

export type BenchErrorCode =
  /** An option that cannot be used. Fields: option. */
  | 'BENCH_USAGE'
  /** CPU and memory of the validators are read from /proc. */
  | 'BENCH_LINUX_ONLY'
  /** A validator ended, or did not come up. Fields: validator, log. */
  | 'BENCH_VALIDATOR_ENDED'
  /** A validator refused a transaction for good: the load is not what it should be. Fields: refusal. */
  | 'BENCH_REFUSED'
  /** A validator answered something else than the API says. Fields: path, status. */
  | 'BENCH_ANSWER'
  /** Nothing became final in time. Fields: waitedMs. */
  | 'BENCH_STALLED'
  | 'BENCH_INTERRUPTED';

export class BenchError extends CodedError<BenchErrorCode> {}
