import type { TestEvent } from "node:test/reporters";

/** The closing totals of a whole run, one `# name count` a line, for the very end of the output. */
export default async function* totals(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of events) {
    // A summary with a file is of that file alone.
    if (event.type !== "test:summary" || event.data.file !== undefined) continue;
    const { tests, suites, passed, failed, cancelled, skipped, todo } = event.data.counts as Record<string, number>;
    yield `# tests ${tests}\n# suites ${suites}\n# pass ${passed}\n# fail ${failed}\n# cancelled ${cancelled}\n# skipped ${skipped}\n# todo ${todo}\n`;
    yield `# duration_ms ${Math.round(event.data.duration_ms)}\n`;
  }
}
