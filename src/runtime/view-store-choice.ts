/** Where a view's documents are kept, as a service's definition says it: `viewStores: { order_details: mongodb() }`. */
import type { Logger, ViewStore } from "./ports.ts";
import type { ViewCatalog } from "./view-catalog.ts";

export interface ViewStoreContext {
  /** The service's settings: a store's URL stands in one of them. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Before the names of everything that the store makes; two services with different prefixes share a server without seeing each other. */
  readonly prefix: string;
  /** The catalogue of generations and checkpoints for one kind of store, in the read database. */
  readonly catalog: (kind: string) => ViewCatalog;
  readonly logger: Logger;
}

export interface ViewStoreChoice {
  /** Such as "mongodb". */
  readonly kind: string;
  /** null: its setting is unset, so the view is kept in the read database. @throws INVALID_SETTING, MISSING_PACKAGE */
  open(context: ViewStoreContext): Promise<ViewStore | null>;
}
