/** What names a plan: an order, and every clip of it. */
import { randomUUID } from 'node:crypto';
import type { Uuid } from './messages.js';

export function randomPlanId(): Uuid {
  return { uuid: Uint8Array.from(Buffer.from(randomUUID().replaceAll('-', ''), 'hex')) };
}
