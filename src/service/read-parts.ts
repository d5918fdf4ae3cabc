/** The read side of a process: its view stores. A process that only queries creates nothing: it becomes ready when the tables are there. */
import { join } from "node:path";
import type { AnyView } from "../core/definition.ts";
import { openDatabase, postgresViewCatalog, postgresViewStore } from "../postgres/index.ts";
import { currentByStatus } from "../runtime/current-generation.ts";
import type { Logger, ViewStore } from "../runtime/ports.ts";
import type { ViewStoreChoice } from "../runtime/view-store-choice.ts";
import { images } from "./images.ts";
import type { Opened } from "./opened.ts";
import type { Environment, Settings } from "./settings.ts";

/** By name of the view; the others are kept in the read database. */
export type ViewStores = Readonly<Record<string, ViewStoreChoice>>;

export interface ReadParts {
  /** The read database: what is common to all views, and the documents of those that no other store was chosen for. */
  readonly store: ViewStore;
  /** Where the view's documents are. */
  storeOf(view: AnyView): ViewStore;
  /** Throws while the tables that queries need are not there, or the read database does not answer. */
  ready(): Promise<void>;
  /** Other stores that views are kept in, each asked by itself: views elsewhere go on while it is down. */
  readonly others: readonly { readonly name: string; readonly views: readonly string[]; ping(): Promise<void> }[];
}

export interface ReadPartsOptions {
  readonly settings: Settings;
  readonly environment: Environment;
  readonly views: readonly AnyView[];
  readonly viewStores: ViewStores;
  readonly logger: Logger;
}

export async function openReadParts(
  { settings, environment, views, viewStores, logger }: ReadPartsOptions,
  open: Opened,
): Promise<ReadParts> {
  const location = settings.readDatabaseUrl === null ? { dataDir: join(settings.dataFolder, "read") } : { url: settings.readDatabaseUrl };
  const schema = `${settings.prefix}tidemark_views`;
  const database = await openDatabase(location, { schema, applicationName: "tidemark views", image: images() });
  open.add(() => database.close());
  const store = postgresViewStore(database, { schema });
  open.add(() => store.close());
  const catalog = (kind: string) => postgresViewCatalog(database, { schema, store: kind });

  // one store for all views that were given the same choice
  const opened = new Map<ViewStoreChoice, ViewStore>();
  for (const choice of new Set(Object.values(viewStores))) {
    const chosen = await choice.open({ environment, prefix: settings.prefix, catalog, logger });
    if (chosen === null) continue;
    opened.set(choice, chosen);
    open.add(() => chosen.close());
  }
  const storeOf = (view: AnyView): ViewStore => {
    const choice = Object.hasOwn(viewStores, view.name) ? viewStores[view.name] : undefined;
    return (choice === undefined ? undefined : opened.get(choice)) ?? store;
  };
  for (const view of views) storeOf(view).accept(view);
  if (settings.roles.has("projection")) await store.migrate({ ddl: settings.migrate });
  return {
    store,
    storeOf,
    async ready() {
      await store.migrate({ ddl: false });
      const statuses = await store.status(views);
      for (const view of views) {
        const status = statuses.find((each) => each.view === view.name)!;
        const own = storeOf(view);
        // by what the read database says: a store that is down holds up its own views alone
        if (currentByStatus(view, own === store ? status : { ...status, store: own.name }) === null)
          throw new Error(`view '${view.name}' has no tables yet`);
      }
    },
    others: [...new Set(opened.values())].map((other) => {
      const own = views.filter((view) => storeOf(view) === other);
      return {
        name: other.name,
        views: own.map((view) => view.name),
        async ping() {
          await other.migrate({ ddl: false });
          await Promise.all(own.map((view) => other.current(view)));
        },
      };
    }),
  };
}
