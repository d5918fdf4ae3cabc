/** After `npm ci`: the embedded database's first start then begins from a prepared cluster. */
import { openDatabase } from "../src/postgres/index.ts";
import { images } from "../src/service/images.ts";

if ((await images().load()) === undefined) {
  const database = await openDatabase({ dataDir: undefined }, { schema: "prepare", image: images() });
  await database.close();
}
