/** Ids that are ordered by time, for commands and events. */
import { V7Generator } from "uuidv7";

/** Asking the system for a few random bytes at a time costs more than the rest of an id. */
const pool = new Uint32Array(4_096);
let used = pool.length;

const generator = new V7Generator({
  nextUint32() {
    if (used === pool.length) {
      crypto.getRandomValues(pool);
      used = 0;
    }
    return pool[used++]!;
  },
});

/** A uuid, version 7, above those that this process made before. */
export const newId = (): string => generator.generate().toString();
