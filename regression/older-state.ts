import { randomUUID } from "node:crypto";
/** The write store is put back to an older state, as by a restored backup: the relays must refuse by name and write nothing. Spoils the cluster. */
import { setTimeout as wait } from "node:timers/promises";
import { takeBack } from "./dump-stores.ts";
import type { Violation } from "./history.ts";
import { send } from "./http.ts";
import type { Program } from "./program.ts";
import type { Run } from "./round.ts";

export interface OlderState {
  readonly violations: readonly Violation[];
  /** Events that were taken out of the write store. */
  readonly removed: number;
  /** Commands that were accepted after it, on the older state. */
  readonly accepted: number;
}

const refusedWithinMs = 30_000;

export async function olderState({ cluster, kafka }: Run): Promise<OlderState> {
  const relays = cluster.commands;
  await Promise.all(relays.map((p) => p.kill()));
  const before = (await kafka.records()).length;
  const { partition, removed } = await takeBack(cluster.write, "orders", 5);
  const violations: Violation[] = [];

  // The tail is ahead of the store.
  violations.push(...(await refused(relays, "with its tail ahead of the store")));
  // The store goes on without the relay, until other events stand where Kafka has those that were taken out.
  let accepted = 0;
  for (let i = 0; i < 60; i++) {
    const reply = await send({
      method: "POST",
      url: `${relays[i % relays.length]!.url}/orders`,
      headers: { "idempotency-key": randomUUID() },
      body: { customerId: "after-the-restore", items: [{ productId: "p-1", name: "Tea", quantity: 1, unitPrice: "1.00" }] },
    });
    if (reply.status === 202) accepted++;
  }
  await Promise.all(relays.map((p) => p.kill()));
  violations.push(...(await refused(relays, "with other events at its positions")));

  const written = await kafka.records();
  const ours = written.filter((r) => r.log === "orders" && r.partition === partition);
  const strangers = ours.filter((r) => r.value.includes("after-the-restore"));
  if (strangers.length > 0)
    violations.push({
      kind: "relay",
      text: `orders/${partition}: ${strangers.length} records were written after the store went back, the first at offset ${strangers[0]!.offset}`,
    });
  if (written.length !== before)
    violations.push({ kind: "relay", text: `${written.length - before} records were written to the topics of a log that is refused` });
  return { violations, removed, accepted };
}

async function refused(relays: readonly Program[], when: string): Promise<Violation[]> {
  const seen = relays.map((p) => p.log().length);
  for (const program of relays) program.start();
  const found: Violation[] = [];
  const deadline = Date.now() + refusedWithinMs;
  const news = () => relays.map((p, i) => p.log().slice(seen[i]));
  while (!news().some((text) => text.includes("LOG_DIVERGED")) && Date.now() < deadline) await wait(100);
  if (!news().some((text) => text.includes("LOG_DIVERGED")))
    return [{ kind: "relay", text: `no relay logged LOG_DIVERGED ${when} in ${refusedWithinMs} ms` }];
  const answers = () => Promise.all(relays.map((p) => send({ method: "GET", url: `${p.url}/readyz`, timeoutMs: 2_000 })));
  let told = await answers();
  while (!told.some((r) => r.status === 503 && JSON.stringify(r.body).includes("LOG_DIVERGED")) && Date.now() < deadline) {
    await wait(200);
    told = await answers();
  }
  if (!told.some((r) => r.status === 503 && JSON.stringify(r.body).includes("LOG_DIVERGED"))) {
    found.push({
      kind: "relay",
      text: `/readyz does not say LOG_DIVERGED ${when}: ${JSON.stringify(told.map((r) => [r.status, r.body])).slice(0, 800)}`,
    });
  }
  return found;
}
