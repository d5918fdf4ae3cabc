#!/usr/bin/env node
import { main } from "./program.ts";

process.exitCode = await main(process.argv.slice(2));
// A connection that is still being tried must not keep a finished command alive; output is flushed first.
if (process.exitCode !== 0) await new Promise<void>((flushed) => process.stdout.write("", () => flushed()));
process.exit();
