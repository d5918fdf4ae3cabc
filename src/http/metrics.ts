/** Counters of this process in Prometheus' text format. */

export interface HttpMetrics {
  count(method: string, route: string, status: number): void;
  /** @param more lines of other parts of the process, in the same format */
  text(more?: string): string;
}

export const metricsType = "text/plain; version=0.0.4; charset=utf-8";

export function httpMetrics(startedAtMs: number): HttpMetrics {
  // By route, then by method and status: a request costs two look-ups and no text.
  const counts = new Map<string, Map<string, number>>();
  return {
    count(method, route, status) {
      const label = `method="${method}",status="${status}"`;
      let ofRoute = counts.get(route);
      if (ofRoute === undefined) counts.set(route, (ofRoute = new Map<string, number>()));
      ofRoute.set(label, (ofRoute.get(label) ?? 0) + 1);
    },
    text(more = "") {
      const requests = [...counts].flatMap(([route, labels]) =>
        [...labels].map(([label, count]) => `http_server_requests_total{route="${escape(route)}",${label}} ${count}`),
      );
      return [
        "# HELP up Whether this process answers.",
        "# TYPE up gauge",
        "up 1",
        "# HELP process_start_time_seconds Start time of the process since the Unix epoch, in seconds.",
        "# TYPE process_start_time_seconds gauge",
        `process_start_time_seconds ${startedAtMs / 1_000}`,
        "# HELP http_server_requests_total Answered HTTP requests.",
        "# TYPE http_server_requests_total counter",
        ...requests,
        ...(more === "" ? [] : [more.trimEnd()]),
        "",
      ].join("\n");
    },
  };
}

const escape = (label: string): string => label.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
