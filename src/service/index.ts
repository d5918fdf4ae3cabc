/** The composition root: one service from its definitions, with embedded or real parts. */
export { service } from "./service.ts";
export type { App, Service, ServiceOptions, StartOptions } from "./service.ts";
export { run } from "./run.ts";
export { allRoles, readSettings } from "./settings.ts";
export type { Environment, Role, Settings } from "./settings.ts";
export { askControl } from "./control.ts";
export type { PartitionReport, ProjectionReport, RelayReport, StatusReport } from "./status.ts";
export { operator } from "./operator.ts";
export type { Operator } from "./operator.ts";
export { rebuildSource } from "./rebuild-view.ts";
export type { RebuildSource } from "./rebuild-view.ts";
