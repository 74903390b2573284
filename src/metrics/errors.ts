import { CodedError } from '../util/errors.ts';

/** `METRIC_NAME_TAKEN` and `METRIC_NAME_INVALID`: a mistake of a room's `metrics.ts`. Fields: name. */
export type MetricsErrorCode = 'METRIC_NAME_TAKEN' | 'METRIC_NAME_INVALID' | 'METRICS_LISTEN_FAILED';

export class MetricsError extends CodedError<MetricsErrorCode> {}
