import type { LoadReply, SessionRequest } from './messages.js';
import type { WorkerClient } from './worker-client.js';

/** Loads a session in every thread, or in none. Errors: of the first thread that could not. */
export async function loadEverywhere(
  clients: readonly WorkerClient[],
  request: SessionRequest,
): Promise<LoadReply> {
  const { session } = request;
  const loads = await Promise.allSettled(clients.map((client) => client.request<LoadReply>(request)));
  const failed = loads.find((load) => load.status === 'rejected');
  const [first] = loads;
  if (failed === undefined && first?.status === 'fulfilled') return first.value;
  const releases = clients
    .filter((_, i) => loads[i]?.status === 'fulfilled')
    .map((client) => client.request<null>({ kind: 'release-session', session }));
  // A thread that ended meanwhile has released it as well.
  await Promise.allSettled(releases);
  throw failed?.reason;
}
