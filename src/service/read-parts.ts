/** The read side of a process: the view store. A process that only queries creates nothing: it becomes ready when the tables are there. */
import { join } from "node:path";
import type { AnyView } from "../core/definition.ts";
import { openDatabase, postgresViewStore } from "../postgres/index.ts";
import type { ViewStore } from "../runtime/ports.ts";
import { images } from "./images.ts";
import type { Opened } from "./opened.ts";
import type { Settings } from "./settings.ts";

export interface ReadParts {
  readonly store: ViewStore;
  /** Throws while the tables that queries need are not there, or the store does not answer. */
  ready(): Promise<void>;
}

export async function openReadParts(settings: Settings, views: readonly AnyView[], open: Opened): Promise<ReadParts> {
  const location = settings.readDatabaseUrl === null ? { dataDir: join(settings.dataFolder, "read") } : { url: settings.readDatabaseUrl };
  const schema = `${settings.prefix}tidemark_views`;
  const database = await openDatabase(location, { schema, applicationName: "tidemark views", image: images() });
  open.add(() => database.close());
  const store = postgresViewStore(database, { schema });
  open.add(() => store.close());
  for (const view of views) store.accept(view);
  if (settings.roles.has("projection")) await store.migrate({ ddl: settings.migrate });
  return {
    store,
    async ready() {
      await store.migrate({ ddl: false });
      for (const view of views) if ((await store.current(view)) === null) throw new Error(`view '${view.name}' has no tables yet`);
    },
  };
}
