/** Fetch v17 without a session: what is asked stands in each request, so there is no state on the broker to get wrong. */
import { type Connection, fetchV17, type Reader } from "@platformatic/kafka";
import type { AbortedTransaction } from "./batch-decoder.ts";
import { request } from "./connections.ts";

export interface FetchFrom {
  readonly partition: number;
  readonly offset: number;
}

export interface FetchedPartition {
  readonly partition: number;
  readonly errorCode: number;
  /** Where what can be read ends: the last stable offset. */
  readonly endOffset: number;
  /** Record batches as they lie in the log; the first may begin before the offset asked for, the last may be cut. */
  readonly bytes: Buffer;
  readonly aborted: readonly AbortedTransaction[];
}

export interface FetchOptions {
  /** The answer waits so long for the first byte. */
  readonly maxWaitMs: number;
  readonly partitionBytes: number;
  readonly totalBytes: number;
  /** Also what stands behind somebody's open transaction, and in it, and what was taken back; not unless given. */
  readonly uncommitted?: boolean;
}

const readCommitted = 1;
const readUncommitted = 0;

/** @throws a library error where the connection or the request as a whole fails; codes of partitions are data */
export function fetchFrom(
  connection: Connection,
  topicId: string,
  from: readonly FetchFrom[],
  options: FetchOptions,
): Promise<FetchedPartition[]> {
  const partitions = from.map(({ partition, offset }) => ({
    partition,
    currentLeaderEpoch: -1,
    fetchOffset: BigInt(offset),
    lastFetchedEpoch: -1,
    partitionMaxBytes: options.partitionBytes,
  }));
  const minBytes = options.maxWaitMs > 0 ? 1 : 0;
  const isolation = options.uncommitted === true ? readUncommitted : readCommitted;
  const write = () =>
    fetchV17.createRequest(options.maxWaitMs, minBytes, options.totalBytes, isolation, 0, -1, [{ topicId, partitions }], [], "");
  return request(connection, fetchV17.api, write, parseFetch);
}

/** As the library's parser, but record batches stay bytes and error codes stay data. */
function parseFetch(reader: Reader): FetchedPartition[] {
  reader.readInt32(); // throttle time
  const errorCode = reader.readInt16();
  reader.readInt32(); // session
  const topics = reader.readArray((r) => {
    r.readUUID();
    return r.readArray((p) => readPartition(p), true, true);
  });
  const partitions = topics.flat();
  return errorCode === 0 ? partitions : partitions.map((partition) => ({ ...partition, errorCode }));
}

function readPartition(r: Reader): FetchedPartition {
  const partition = r.readInt32();
  const errorCode = r.readInt16();
  r.skip(8); // high watermark
  const endOffset = Number(r.readInt64());
  r.skip(8); // log start offset
  const aborted = r.readNullableArray((a) => ({ producerId: a.readInt64(), firstOffset: a.readInt64() })) ?? [];
  r.readInt32(); // preferred read replica
  const size = Math.max(0, r.readUnsignedVarInt() - 1);
  const bytes = r.buffer.slice(r.position, r.position + size);
  r.skip(size);
  return { partition, errorCode, endOffset, bytes, aborted };
}
