/** Where every projection stands: what `tidemark status` prints and what health is judged by. */
import type { AnyView } from "../core/definition.ts";
import type { Failure, Generation, ViewStatus } from "../runtime/ports.ts";
import type { RelayState } from "../runtime/relay.ts";
import { recordValidMs } from "../runtime/view-monitor.ts";
import type { CommandReport } from "./command-reports.ts";

export interface PartitionReport {
  readonly log: string;
  readonly partition: number;
  readonly position: number;
  /** The last position that a projection process saw in the transport; null: not recorded yet. */
  readonly end: number | null;
  /** null: the end is not known, or nobody has recorded it for 5 s (Kafka or all projections are down). */
  readonly lagEvents: number | null;
}

export interface ProjectionReport {
  readonly view: string;
  readonly generation: number;
  readonly version: number;
  readonly state: Generation["state"];
  /** Events between the checkpoints and the recorded ends; null: an end is not known. */
  readonly lagEvents: number | null;
  /** Seconds since it was last known to be caught up; 0 while it is; null: it never was. */
  readonly lagSeconds: number | null;
  readonly partitions: readonly PartitionReport[];
  readonly failures: readonly Failure[];
}

export interface RelayReport {
  readonly log: string;
  readonly state: RelayState;
  readonly problem: string | null;
  /** By partition: up to where this relay has seen Kafka's acknowledgement; 0 for one that it has not served. */
  readonly relayed: readonly number[];
  /** Those that this relay serves now, ascending. */
  readonly partitions: readonly number[];
}

export interface StatusReport {
  readonly service: string;
  readonly projections: readonly ProjectionReport[];
  /** Relays of the answering process. */
  readonly relays: readonly RelayReport[];
  /** By log and partition, as far as any was ever decided. */
  readonly commands: readonly CommandReport[];
}

export function projectionReports(views: readonly AnyView[], statuses: readonly ViewStatus[]): ProjectionReport[] {
  return statuses
    .filter((status) => views.some((view) => view.name === status.view))
    .flatMap((status) =>
      status.generations
        .filter((g) => g.state !== "retired")
        .map((g): ProjectionReport => {
          const partitions = g.checkpoints.map((c): PartitionReport => {
            const found = status.ends.find((e) => e.log === c.log && e.partition === c.partition);
            return {
              log: c.log,
              partition: c.partition,
              position: c.position,
              end: found?.position ?? null,
              lagEvents: found === undefined || found.ageMs > recordValidMs ? null : Math.max(0, found.position - c.position),
            };
          });
          const known = partitions.length > 0 && partitions.every((p) => p.lagEvents !== null);
          const lagEvents = known ? partitions.reduce((sum, p) => sum + (p.lagEvents ?? 0), 0) : null;
          const agoMs = status.caughtUpAgoMs.get(g.generation);
          return {
            view: status.view,
            generation: g.generation,
            version: g.declaredVersion,
            state: g.state,
            lagEvents,
            lagSeconds: lagEvents === 0 ? 0 : agoMs === undefined ? null : Math.round(agoMs) / 1_000,
            partitions,
            failures: g.failures,
          };
        }),
    );
}
