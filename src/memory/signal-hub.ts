/** Tells every subscriber at once, in the order in which they came. */
import type { Unsubscribe } from "../runtime/ports.ts";

export interface SignalHub<T> {
  tell(value: T): void;
  /** The same function twice is two subscriptions. */
  on(callback: (value: T) => void): Unsubscribe;
}

export function signalHub<T>(): SignalHub<T> {
  const callbacks = new Set<{ readonly call: (value: T) => void }>();
  return {
    tell(value) {
      for (const { call } of [...callbacks]) call(value);
    },
    on(callback) {
      const entry = { call: callback };
      callbacks.add(entry);
      return () => {
        callbacks.delete(entry);
        return Promise.resolve();
      };
    },
  };
}
