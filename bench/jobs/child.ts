/** The other end of `startJob`: prepares the job that its first argument names, and does what the parent says. */
import type { FromJob, Job } from "./job.ts";

const [, , moduleUrl = "", args = "{}"] = process.argv;
const send = (message: FromJob) => {
  if (process.connected) process.send?.(message);
};
const highestMiB = () => process.resourceUsage().maxRSS / 1_024;

try {
  const { default: prepare } = (await import(moduleUrl)) as { default: Job<unknown, unknown> };
  const job = await prepare(JSON.parse(args), (told) => send({ told }));
  process.on("message", (message) => {
    if (message === "go") void go();
    else void close();
  });
  process.once("disconnect", () => {
    // the parent is gone, and its servers with it: closing may wait for them
    setTimeout(() => process.exit(1), 5_000).unref();
    void close();
  });
  const go = async () => {
    const rssBeforeMiB = highestMiB();
    const cpu = process.cpuUsage();
    const startedAt = performance.now();
    try {
      const value = await job.go();
      const seconds = (performance.now() - startedAt) / 1_000;
      const { user, system } = process.cpuUsage(cpu);
      send({ result: { value, seconds, cpuSeconds: (user + system) / 1e6, rssBeforeMiB, peakRssMiB: highestMiB() } });
    } catch (error) {
      send({ failed: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  };
  const close = async () => {
    await job.close();
    process.exit();
  };
  send({ ready: true });
} catch (error) {
  send({ failed: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  process.exitCode = 1;
}
