/** What /diagnostics tells about the node (REP 107). */

import type { ModelInfoMessage, Time } from '../sdk/messages/messages.js';
import type { RecentCount } from './recent-count.js';
import type { Statistics } from './statistics.js';

/** diagnostic_msgs/msg/DiagnosticStatus; its STALE is said of a node that no longer speaks, by whoever listens. */
const LEVEL = { ok: 0, warn: 1, error: 2 } as const;

export interface NodeHealth {
  readonly fullName: string;
  readonly state: string;
  readonly isEnabled: boolean;
  readonly isBusy: boolean;
  readonly model: ModelInfoMessage | undefined;
  readonly statistics: Statistics;
  readonly imagesReceived: number;
  readonly imageAgeMs: number | undefined;
  readonly maxImageAgeMs: number;
  readonly callbackErrors: RecentCount;
  /** Why the last transition failed; undefined when it did not. */
  readonly transitionError: string | undefined;
  readonly nowMs: number;
}

export function diagnosticArray(health: NodeHealth, stamp: Time): object {
  const { level, message } = judge(health);
  const values = Object.entries(valuesOf(health)).map(([key, value]) => ({ key, value: String(value) }));
  const status = { level, name: `${health.fullName}: imagination`, message, hardware_id: '', values };
  return { header: { stamp, frame_id: '' }, status: [status] };
}

/** By the last minute: what went wrong once and works again is all right. */
function judge(health: NodeHealth): { level: number; message: string } {
  const { state, imageAgeMs, maxImageAgeMs, statistics, nowMs } = health;
  if (health.transitionError !== undefined) return { level: LEVEL.error, message: health.transitionError };
  const failures = statistics.failures.recent(nowMs);
  if (failures > 0) return { level: LEVEL.error, message: `${failures} commands failed; see the log` };
  const callbackErrors = health.callbackErrors.recent(nowMs);
  if (callbackErrors > 0)
    return { level: LEVEL.error, message: `${callbackErrors} callbacks failed; see the log` };
  if (state !== 'active') return { level: LEVEL.ok, message: state };
  if (!health.isEnabled) return { level: LEVEL.ok, message: 'disabled' };
  if (imageAgeMs === undefined) return { level: LEVEL.warn, message: 'no camera frame yet' };
  if (maxImageAgeMs > 0 && imageAgeMs > maxImageAgeMs)
    return {
      level: LEVEL.warn,
      message: `the camera's latest frame is ${(imageAgeMs / 1000).toFixed(1)} s old`,
    };
  const lost = statistics.lost.recent(nowMs);
  if (lost > 0) return { level: LEVEL.warn, message: `${lost} commands lost on the way here` };
  return { level: LEVEL.ok, message: health.isBusy ? 'imagining' : 'ready' };
}

function valuesOf({ statistics, model, ...health }: NodeHealth): Record<string, string | number | boolean> {
  const ms = (value: number | undefined) => (value === undefined ? '' : value.toFixed(1));
  return {
    state: health.state,
    enabled: health.isEnabled,
    busy: health.isBusy,
    commands: statistics.commands,
    goals: statistics.goals,
    clips: statistics.clips,
    dropped: statistics.count('DROPPED'),
    preempted: statistics.count('PREEMPTED'),
    canceled: statistics.count('CANCELED'),
    reset: statistics.count('RESET'),
    not_enabled: statistics.count('DISABLED'),
    not_active: statistics.count('NOT_ACTIVE'),
    refused:
      statistics.count('INVALID_REQUEST') +
      statistics.count('INVALID_INSTRUCTION') +
      statistics.count('INVALID_IMAGE'),
    without_image: statistics.count('NO_IMAGE') + statistics.count('STALE_IMAGE'),
    past_deadline: statistics.count('DEADLINE_EXCEEDED'),
    failed: statistics.failures.total,
    lost: statistics.lost.total,
    commands_per_second: statistics.rate(health.nowMs).toFixed(3),
    latency_p50_ms: ms(statistics.latencyMs(0.5)),
    latency_p95_ms: ms(statistics.latencyMs(0.95)),
    images: health.imagesReceived,
    image_age_ms: ms(health.imageAgeMs),
    callback_errors: health.callbackErrors.total,
    execution_provider: model?.execution_provider ?? '',
    model: model?.model_id ?? '',
    model_sha256: model?.model_sha256 ?? '',
    resident_memory_mb: Math.round(process.memoryUsage.rss() / 1e6),
  };
}
