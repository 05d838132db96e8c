import { concatMap, dematerialize, lastValueFrom, materialize, type Observable } from 'rxjs';

/**
 * Takes one event after the other, all of them before the error that may follow. Errors: those of the events and of
 * `take`.
 */
export async function eachOf<Event>(
  events: Observable<Event>,
  take: (event: Event) => void | Promise<void>,
): Promise<void> {
  const taken = events.pipe(
    materialize(),
    concatMap(async (notification) => {
      if (notification.kind === 'N') await take(notification.value);
      return notification;
    }),
    dematerialize(),
  );
  await lastValueFrom(taken, { defaultValue: undefined });
}
