#!/usr/bin/env node
import { enableCompileCache } from "node:module";

// a command lives for a second: without the cache most of it goes into compiling
enableCompileCache();
const { main } = await import("./program.ts");

process.exitCode = await main(process.argv.slice(2));
// A connection that is still being tried must not keep a finished command alive; output is flushed first.
await new Promise<void>((flushed) => process.stdout.write("", () => flushed()));
process.exit();
