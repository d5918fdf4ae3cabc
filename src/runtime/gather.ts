/** Single requests that wait together become one (I7): the first goes at once, what comes while it is under way goes with the next. */
const maxTogether = 1_000;

export function gather<K, V>(fetch: (keys: readonly K[]) => Promise<readonly V[]>, concurrent = 4): (key: K) => Promise<V> {
  let queue: { key: K; resolve: (value: V) => void; reject: (error: unknown) => void }[] = [];
  let underWay = 0;

  const go = async () => {
    while (queue.length > 0) {
      const taken = queue.slice(0, maxTogether);
      queue = queue.slice(maxTogether);
      const keys = [...new Set(taken.map((each) => each.key))];
      try {
        const values = await fetch(keys);
        const byKey = new Map(keys.map((key, i) => [key, values[i] as V]));
        for (const { key, resolve } of taken) resolve(byKey.get(key) as V);
      } catch (error) {
        for (const { reject } of taken) reject(error);
      }
    }
    underWay -= 1;
  };

  return (key) =>
    new Promise<V>((resolve, reject) => {
      queue.push({ key, resolve, reject });
      if (underWay >= concurrent) return;
      underWay += 1;
      // Requests of the same turn go together, whichever socket they came by.
      setImmediate(() => void go());
    });
}
