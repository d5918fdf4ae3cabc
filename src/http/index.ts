/** HTTP over commands and views: the API's definition, and the server of a process. */

// definition
export { command, find, get, http, search, type ApiRoute, type Encode, type HttpApi, type HttpOptions } from "./routes.ts";
export type { AnyRoute, CommandRoute, FindRoute, GetRoute, RejectionNames, RejectionStatus, SearchRoute } from "./route-types.ts";

// server
export { httpServer, type HttpServer, type HttpServerOptions } from "./server.ts";
export { commandSchema } from "./command-schema.ts";
export { openApi, type OpenApiDocument } from "./openapi.ts";
export { problemOf, problemTitle, problemUri } from "./problem.ts";
