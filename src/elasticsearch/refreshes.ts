/** Refreshes that wait together are one. */

/** The call resolves when a refresh that began after it has ended. */
export function sharedRefresh(refresh: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;

  const begin = (): Promise<void> => {
    const begun = refresh().finally(() => {
      running = undefined;
    });
    running = begun;
    return begun;
  };
  return () => {
    if (running === undefined) return begin();
    // the one that runs may have begun before what its caller wrote was there; whether it fails is for those who wait for it
    const ended = running.then(
      () => undefined,
      () => undefined,
    );
    next ??= ended.then(() => {
      next = undefined;
      return begin();
    });
    return next;
  };
}
