import assert from "node:assert/strict";
import { posix } from "node:path";
import { test } from "node:test";
import { filesUnder, packageJson, readText } from "./source-files.ts";

/** Folder of src (or file at its top) -> what its production files may import from. Anything else fails. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  "errors.ts": [],
  "index.ts": ["core", "errors.ts", "runtime", "http", "service"],
  "core": ["errors.ts"],
  "runtime": ["core", "errors.ts"],
  "memory": ["core", "runtime", "errors.ts"],
  "postgres": ["core", "runtime", "errors.ts"],
  "kafka": ["core", "runtime", "errors.ts"],
  "mongodb": ["core", "runtime", "errors.ts"],
  "clickhouse": ["core", "runtime", "errors.ts"],
  "elasticsearch": ["core", "runtime", "errors.ts"],
  "http": ["core", "runtime", "errors.ts"],
  "service": ["core", "runtime", "errors.ts", "memory", "postgres", "kafka", "http"],
  "cli": ["core", "runtime", "errors.ts", "memory", "postgres", "kafka", "http", "service"],
  "testing": ["core", "runtime", "errors.ts", "memory", "http", "service"],
};

/** Drivers are the user's to install, so a file outside their adapter's folder must not need them when it is loaded. */
const drivers: Readonly<Record<string, string>> = {
  "@platformatic/kafka": "kafka",
  "pg": "postgres",
  "@electric-sql/pglite": "postgres",
  "mongodb": "mongodb",
  "@clickhouse/client": "clickhouse",
  "@opensearch-project/opensearch": "elasticsearch",
  "@elastic/elasticsearch": "elasticsearch",
};

const maxLines = 400;

/** Files that may be longer, each with the reason. */
const longFiles: Readonly<Record<string, string>> = {};

interface Import {
  readonly specifier: string;
  /** Erased before the code runs. */
  readonly typeOnly: boolean;
  readonly dynamic: boolean;
}

function importsOf(source: string): Import[] {
  const statements = source.matchAll(/^(?:import|export)\s+(type\s)?(?:[^;"'`]*?\sfrom\s+)?["']([^"'\n]+)["']/gm);
  const calls = source.matchAll(/^(?!\s*(?:\*|\/\/)).*\bimport\(\s*["']([^"']+)["']/gm);
  return [
    ...[...statements].map(([, type, specifier = ""]) => ({ specifier, typeOnly: type !== undefined, dynamic: false })),
    ...[...calls].map(([, specifier = ""]) => ({ specifier, typeOnly: false, dynamic: true })),
  ];
}

/** What is wrong with the imports of one production file of src. */
function importFaults(file: string, source: string, packages: ReadonlySet<string>): string[] {
  const folder = folderOf(file);
  const table = allowed[folder];
  if (!table) return [`${file}: src/${folder} is not in the table of test/architecture.test.ts`];
  return importsOf(source).flatMap(({ specifier, typeOnly, dynamic }) => {
    if (specifier.startsWith(".")) {
      const target = posix.join(posix.dirname(file), specifier);
      if (!target.startsWith("src/")) return [`${file} imports ${target}, which is not part of the package`];
      const other = folderOf(target);
      return other === folder || table.includes(other)
        ? []
        : [`${file} imports ${target}: ${folder} may import ${table.join(", ") || "nothing"}`];
    }
    if (specifier.startsWith("node:"))
      return folder === "core" || folder === "errors.ts" ? [`${file} imports ${specifier}: core is pure`] : [];
    if (typeOnly || dynamic) return [];
    const name = packageOf(specifier);
    if (!packages.has(name)) return [`${file} imports ${name}, which is not among the dependencies or peerDependencies`];
    return folder === (drivers[name] ?? folder)
      ? []
      : [`${file} imports ${name}, which only ${drivers[name]} may need at load: use import()`];
  });
}

function folderOf(file: string): string {
  return file.split("/")[1] ?? "";
}

function packageOf(specifier: string): string {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

const isTest = (file: string): boolean => file.endsWith(".test.ts");
const { dependencies = {}, peerDependencies = {} } = packageJson();
const packages = new Set([...Object.keys(dependencies), ...Object.keys(peerDependencies)]);

test("production code imports only what its folder may", () => {
  const files = filesUnder(["src"]).filter((file) => !isTest(file));
  assert.ok(files.length > 0);
  assert.deepEqual(
    files.flatMap((file) => importFaults(file, readText(file), packages)),
    [],
  );
});

for (const { name, file, source, fault } of [
  {
    name: "a driver in core",
    file: "src/core/x.ts",
    source: `import { pool } from "../postgres/pool.ts";`,
    fault: /src\/core\/x\.ts imports src\/postgres\/pool\.ts/,
  },
  { name: "node in core", file: "src/core/x.ts", source: `import { createHash } from "node:crypto";`, fault: /core is pure/ },
  {
    name: "one adapter in another",
    file: "src/kafka/x.ts",
    source: `export {\n  a,\n  b,\n} from "../postgres/index.ts";`,
    fault: /imports src\/postgres/,
  },
  {
    name: "a type of another adapter",
    file: "src/kafka/x.ts",
    source: `import type { A } from "../memory/a.ts";`,
    fault: /imports src\/memory/,
  },
  {
    name: "the testing kit in production",
    file: "src/service/x.ts",
    source: `await import("../testing/index.ts");`,
    fault: /imports src\/testing/,
  },
  { name: "a file outside src", file: "src/service/x.ts", source: `import "../../scripts/a.ts";`, fault: /not part of the package/ },
  { name: "a folder nobody knows", file: "src/misc/x.ts", source: ``, fault: /not in the table/ },
  {
    name: "a development package at load",
    file: "src/postgres/x.ts",
    source: `import fc from "fast-check";`,
    fault: /not among the dependencies/,
  },
  {
    name: "a driver at load outside its adapter",
    file: "src/service/x.ts",
    source: `import pg from "pg/lib/client.js";`,
    fault: /only postgres may need/,
  },
]) {
  test(`the check finds ${name}`, () => {
    const faults = importFaults(file, source, new Set(["fastify", "pg"]));
    assert.equal(faults.length, 1);
    assert.match(faults[0] ?? "", fault);
  });
}

test("the check passes what is allowed", () => {
  const source = `import type { Pool } from "pg";\nimport { a } from "../core/a.ts";\nimport { readFileSync } from "node:fs";\n * import { b } from "../testing/b.ts";\nconst pg = await import("pg");`;
  assert.deepEqual(importFaults("src/postgres/x.ts", source, new Set()), []);
});

test("examples use the package by its public name", () => {
  const faults = filesUnder(["examples"])
    .filter((file) => !isTest(file))
    .flatMap((file) =>
      importsOf(readText(file))
        .filter(({ specifier }) => specifier.startsWith("../.."))
        .map(({ specifier }) => `${file} imports ${specifier}`),
    );
  assert.deepEqual(faults, []);
});

test(`no file is longer than ${maxLines} lines without a reason`, () => {
  const long = filesUnder(["src", "test", "examples", "regression", "bench", "scripts"]).filter(
    (file) => readText(file).split("\n").length - 1 > maxLines,
  );
  assert.deepEqual(long, Object.keys(longFiles));
});
