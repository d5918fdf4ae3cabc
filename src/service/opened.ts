/** Things that were opened, closed in the opposite order, also when opening stops half way. */
export interface Opened {
  /** What `close` will do, last added first. */
  add(close: () => unknown): void;
  close(): Promise<void>;
}

export function opened(): Opened {
  const closers: (() => unknown)[] = [];
  return {
    add: (close) => void closers.push(close),
    async close() {
      const failures: unknown[] = [];
      for (let close = closers.pop(); close !== undefined; close = closers.pop()) {
        try {
          await close();
        } catch (error) {
          failures.push(error);
        }
      }
      if (failures.length > 0) throw failures[0];
    },
  };
}
