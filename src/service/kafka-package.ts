/** The Kafka adapter, whose driver is the application's to install. */
import { TidemarkError } from "../errors.ts";

/** @throws MISSING_PACKAGE */
export const openKafka = (): Promise<typeof import("../kafka/index.ts")> =>
  import("../kafka/index.ts").catch((cause: unknown) => {
    if ((cause as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw cause;
    throw new TidemarkError("MISSING_PACKAGE", { name: "@platformatic/kafka", purpose: "to use Kafka" }, { cause });
  });
