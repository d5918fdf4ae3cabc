/** One at a time, in the order of asking. */
export interface Mutex {
  run<T>(work: () => Promise<T>): Promise<T>;
}

export function mutex(): Mutex {
  let last: Promise<unknown> = Promise.resolve();
  return {
    run(work) {
      const next = last.then(work);
      // the next in line waits for the end of this one, however it ends; whoever asked gets the error
      last = next.then(
        () => undefined,
        () => undefined,
      );
      return next;
    },
  };
}
