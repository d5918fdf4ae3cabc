/** The OpenAPI 3.1 document of the part of an API that a process serves. */
import { isObject, type JsonSchema } from "./json-schema.ts";
import { commandStatusPaths } from "./openapi-command-status.ts";
import { commandOperation } from "./openapi-command.ts";
import { healthPaths } from "./openapi-health.ts";
import { type AddSchema, headers, type Json, parameters, problemSchema, ref } from "./openapi-parts.ts";
import { searchOperation } from "./openapi-search.ts";
import { findOperation, getOperation } from "./openapi-view.ts";
import type { ApiRoute, HttpApi } from "./routes.ts";

export interface OpenApiDocument {
  readonly openapi: "3.1.1";
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Json>>>>;
  readonly components: Json;
}

export function openApi(api: HttpApi, served: readonly ApiRoute[], commandStatuses = false): OpenApiDocument {
  const schemas: Record<string, unknown> = { Problem: problemSchema };
  /** A named schema; its own `$defs` stay with it. */
  const add = (name: string, schema: JsonSchema): Json => {
    schemas[name] = rebase(schema, `#/components/schemas/${name}`);
    return ref("schemas", name);
  };
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of served) (paths[route.path] ??= {})[route.method.toLowerCase()] = operation(route, api, add);
  return {
    openapi: "3.1.1",
    info: { title: api.title, version: api.version },
    paths: { ...paths, ...(commandStatuses ? commandStatusPaths : {}), ...healthPaths },
    components: { schemas, parameters, headers },
  };
}

function operation(route: ApiRoute, api: HttpApi, add: AddSchema): Json {
  if (route.target.kind === "command") return commandOperation({ ...route, target: route.target }, api, add);
  if (route.target.kind === "get") return getOperation({ ...route, target: route.target }, api, add);
  if (route.target.kind === "search") return searchOperation({ ...route, target: route.target }, add);
  return findOperation({ ...route, target: route.target }, add);
}

/** References of a schema to its own root, from where it stands now. */
function rebase(schema: unknown, base: string): unknown {
  if (Array.isArray(schema)) return schema.map((item) => rebase(item, base));
  if (!isObject(schema)) return schema;
  return Object.fromEntries(
    Object.entries(schema).map(([name, value]) => [
      name,
      name === "$ref" && typeof value === "string" ? value.replace(/^#/, base) : rebase(value, base),
    ]),
  );
}
