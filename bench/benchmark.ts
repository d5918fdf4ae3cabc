/** What a file in `bench/benchmarks` exports as its default, and what it gets from the harness. */
import type { TestDatabase, TestKafka, TestPostgres } from "../test/services.ts";

export interface Benchmark {
  /** The file's name without `.ts`. */
  readonly name: string;
  /** One sentence: what is measured, of what work. */
  readonly title: string;
  /** True where an opponent of `bench/opponents/package.json` takes part: it is installed before. */
  readonly opponents?: boolean;
  /**
   * What it takes in a quick run on a quiet machine of two cores, setup and checks with it.
   * Without it `--quick` leaves the benchmark out, unless it is named: for what takes minutes in any size.
   */
  readonly quickSeconds?: number;
  /** Cases run one after the other; within a case the contenders alternate. */
  cases(options: BenchOptions): readonly Case[];
}

export interface BenchOptions {
  readonly quick: boolean;
  readonly large: boolean;
}

export interface Case {
  /** Such as "64 callers". */
  readonly name: string;
  /** Run in this order in each round: A B A B. */
  readonly contenders: readonly Contender[];
  /** Name of the contender that all others are set in proportion to. */
  readonly against?: string;
  readonly goals?: readonly Goal[];
  /** Rounds of this case, in place of the command's own number (a run that takes minutes). */
  readonly rounds?: number;
  /** false: no round is thrown away first; for what is not about speed. */
  readonly warmUp?: boolean;
  /** Once before the first round, such as filling a database; what it gives back is called after the last. */
  prepare?(context: CaseContext): Promise<() => Promise<void>>;
}

export interface Contender {
  readonly name: string;
  /**
   * Opens, warms up, measures one section by `context.measured`, checks the result, closes.
   * A wrong result throws: the whole command fails with it.
   */
  run(context: RunContext): Promise<Run>;
}

export interface Run {
  /** By name with its unit, such as "commands/s" or "p99 ms". The first one is the case's main figure. The same names for all contenders of a case. */
  readonly figures: Readonly<Record<string, number>>;
  /** How many commands, events or reads the measured section made; CPU time for each is told where it is given. */
  readonly operations?: number;
  /** Told as they are: settings tried, batch sizes. */
  readonly notes?: Readonly<Record<string, string | number>>;
}

export interface Goal {
  /** The row of the design's table (section 9), or what the goal is from. */
  readonly row: string;
  readonly of: string;
  /** Contender to set it in proportion to; without one the figure itself is held against the limit. */
  readonly against?: string;
  /** The main figure unless given. */
  readonly figure?: string;
  readonly atLeast?: number;
  readonly atMost?: number;
}

export interface CaseContext extends BenchOptions {
  /** Started at first use, on 127.0.0.1, for this command alone; ends with it. One for each set of settings over the common ones. */
  postgres(settings?: Readonly<Record<string, string>>): Promise<TestPostgres>;
  kafka(): Promise<TestKafka>;
  /** How long a measured section under a steady load takes, and how long before it the same load runs unmeasured. */
  readonly seconds: number;
  readonly warmUpSeconds: number;
}

export interface RunContext extends CaseContext {
  /** 0 is a round whose figures are thrown away. */
  readonly round: number;
  /** A fresh database, dropped after the run. */
  database(settings?: Readonly<Record<string, string>>): Promise<TestDatabase>;
  /** The section whose CPU time is counted, for this process and for the servers. Once a run. */
  measured<T>(section: () => Promise<T>): Promise<Measured<T>>;
  /** A process of the contender's own: its CPU time counts as "children". */
  child(pid: number): void;
}

export interface Measured<T> {
  readonly value: T;
  readonly seconds: number;
}
