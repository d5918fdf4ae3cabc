/** Settings from the environment, checked once at start; a wrong one is refused by its name. Passwords in URLs never reach a message. */
import { TidemarkError } from "../errors.ts";

export const allRoles = ["command", "processor", "relay", "projection", "query", "console"] as const;
export type Role = (typeof allRoles)[number];

export interface Settings {
  /** Write store; null: embedded. */
  readonly databaseUrl: string | null;
  /** View store; null: embedded. */
  readonly readDatabaseUrl: string | null;
  /** null: projections tail the events table. */
  readonly kafkaBrokers: readonly string[] | null;
  readonly dataFolder: string;
  /** Of new logs; null: 6, embedded 1. */
  readonly partitions: number | null;
  readonly roles: ReadonlySet<Role>;
  readonly port: number;
  readonly host: string;
  readonly prefix: string;
  /** false: schema versions are only checked. */
  readonly migrate: boolean;
  /** false: this relay runs beside another one of the same log. Harmless; for tests of just that. */
  readonly relayOwnership: boolean;
  readonly logLevel: LogLevel;
}

export const logLevels = ["debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

export type Environment = Readonly<Record<string, string | undefined>>;

const refuse = (setting: string, problem: string) => new TidemarkError("INVALID_SETTING", { setting, problem });

/** @throws INVALID_SETTING */
export function readSettings(environment: Environment): Settings {
  const text = (name: string) => {
    const value = environment[name]?.trim();
    return value === undefined || value === "" ? null : value;
  };
  const whole = (name: string, min: number, max: number) => {
    const value = text(name);
    if (value === null) return null;
    const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
    if (!(number >= min && number <= max)) throw refuse(name, `'${value}' is not a whole number from ${min} to ${max}`);
    return number;
  };
  const oneOf = <T extends string>(name: string, values: readonly T[], fallback: T): T => {
    const value = text(name) ?? fallback;
    if (!(values as readonly string[]).includes(value)) throw refuse(name, `'${value}' is none of ${values.join(", ")}`);
    return value as T;
  };
  const databaseUrl = (name: string) => {
    const value = text(name);
    if (value === null) return null;
    if (!URL.canParse(value) || !/^postgres(ql)?:$/.test(new URL(value).protocol))
      throw refuse(name, "it is not a URL like postgres://user:password@host:5432/database");
    return value;
  };

  const roles = new Set(
    (text("TIDEMARK_ROLES") ?? allRoles.join(",")).split(",").map((each) => {
      const role = each.trim();
      if (!(allRoles as readonly string[]).includes(role)) throw refuse("TIDEMARK_ROLES", `'${role}' is none of ${allRoles.join(", ")}`);
      return role as Role;
    }),
  );
  const prefix = text("TIDEMARK_PREFIX") ?? "";
  if (!/^([A-Za-z_][A-Za-z0-9_-]{0,31})?$/.test(prefix))
    throw refuse(
      "TIDEMARK_PREFIX",
      `'${prefix}' is not a name of at most 32 letters, digits, '_' and '-' that starts with a letter or '_'`,
    );

  const settings: Omit<Settings, "logLevel"> = {
    databaseUrl: databaseUrl("DATABASE_URL"),
    readDatabaseUrl: databaseUrl("READ_DATABASE_URL"),
    kafkaBrokers: brokers(text("KAFKA_BROKERS")),
    dataFolder: text("TIDEMARK_DATA") ?? ".tidemark",
    partitions: whole("TIDEMARK_PARTITIONS", 1, 10_000),
    roles,
    port: whole("PORT", 0, 65_535) ?? 3000,
    host: text("HOST") ?? "127.0.0.1",
    prefix,
    migrate: oneOf("TIDEMARK_MIGRATE", ["on", "off"], "on") === "on",
    relayOwnership: oneOf("TIDEMARK_RELAY_OWNERSHIP", ["on", "off"], "on") === "on",
  };
  refuseHalfSplit(settings);
  const atHome = isWhole(settings) && settings.databaseUrl === null && settings.readDatabaseUrl === null && settings.kafkaBrokers === null;
  return { ...settings, logLevel: oneOf("LOG_LEVEL", logLevels, atHome ? "warn" : "info") };
}

function brokers(text: string | null): readonly string[] | null {
  if (text === null) return null;
  return text.split(",").map((each) => {
    const broker = each.trim();
    const port = Number(broker.split(":").at(-1));
    if (!/^(\[[0-9A-Fa-f:.]+\]|[^\s:,/@[\]]+):\d{1,5}$/.test(broker) || port < 1 || port > 65_535)
      throw refuse("KAFKA_BROKERS", "it is not a list like host:9092,host:9092");
    return broker;
  });
}

/** All four working roles in one process: parts that are unset may be embedded. */
export const isWhole = ({ roles }: Pick<Settings, "roles">): boolean =>
  (["command", "relay", "projection", "query"] as const).every((role) => roles.has(role));

/** One database for both sides works, but then neither can be scaled, secured or restored apart. */
export function sharesDatabase({ databaseUrl, readDatabaseUrl }: Pick<Settings, "databaseUrl" | "readDatabaseUrl">): boolean {
  if (databaseUrl === null || readDatabaseUrl === null) return false;
  const place = (text: string) => {
    const url = new URL(text);
    return [url.hostname, url.port === "" ? "5432" : url.port, url.pathname].join(" ");
  };
  return place(databaseUrl) === place(readDatabaseUrl);
}

/** An embedded part cannot be shared between processes, so a process with some of the roles needs real ones. */
function refuseHalfSplit(settings: Omit<Settings, "logLevel">): void {
  if (isWhole(settings)) return;
  const { roles } = settings;
  const needs = (name: string, value: unknown, users: readonly Role[]) => {
    const user = users.find((role) => roles.has(role));
    if (value === null && user !== undefined) {
      throw refuse(
        name,
        `it must be set where TIDEMARK_ROLES has '${user}' without all of command, relay, projection and query: an embedded part cannot be shared between processes`,
      );
    }
  };
  needs("DATABASE_URL", settings.databaseUrl, ["command", "relay", "processor"]);
  needs("READ_DATABASE_URL", settings.readDatabaseUrl, ["projection", "query"]);
  needs("KAFKA_BROKERS", settings.kafkaBrokers, ["relay", "projection", "processor"]);
}
