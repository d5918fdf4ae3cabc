/** Every outcome that was told on a topic of replies, as the library's own consumer reads it. */
import { Consumer, stringDeserializers } from "@platformatic/kafka";

export interface Reply {
  readonly commandId: string;
  readonly token: string | null;
  readonly answer: { readonly status: number; readonly code: string | null; readonly body: unknown };
}

export async function dumpReplies(brokers: readonly string[], topic: string): Promise<Reply[]> {
  const consumer = new Consumer({
    clientId: "dump",
    groupId: `dump-${topic}`,
    bootstrapBrokers: [...brokers],
    deserializers: stringDeserializers,
  });
  try {
    const offsets = await consumer.listOffsets({ topics: [topic] });
    const ends = offsets.get(topic) ?? [];
    const total = ends.reduce((sum, end) => sum + Number(end), 0);
    const replies: Reply[] = [];
    if (total === 0) return replies;
    const stream = await consumer.consume({ topics: [topic], mode: "earliest", autocommit: false });
    for await (const { value, headers } of stream) {
      const { commandId, answer } = JSON.parse(value) as { commandId: string; answer: { status: number; body: { code?: string } } };
      replies.push({
        commandId,
        token: headers.get("tidemark-consistency-token") ?? null,
        answer: { status: answer.status, code: answer.status < 400 ? null : (answer.body.code ?? null), body: answer.body },
      });
      if (replies.length === total) break;
    }
    return replies;
  } finally {
    await consumer.close(true);
  }
}
