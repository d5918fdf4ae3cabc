/** Structured logs: JSON lines on standard output. */
import { pino } from "pino";
import type { Logger } from "../runtime/ports.ts";
import type { LogLevel } from "./settings.ts";

export function logger(level: LogLevel, name: string): Logger {
  const out = pino({
    level,
    base: { service: name, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  });
  return {
    debug: (message, fields) => out.debug(fields ?? {}, message),
    info: (message, fields) => out.info(fields ?? {}, message),
    warn: (message, fields) => out.warn(fields ?? {}, message),
    error: (message, fields) => out.error(fields ?? {}, message),
  };
}
