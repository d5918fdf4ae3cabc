/** Counters of this process in Prometheus' text format. */

export interface HttpMetrics {
  count(method: string, route: string, status: number): void;
  /** @param more lines of other parts of the process, in the same format */
  text(more?: string): string;
}

export const metricsType = "text/plain; version=0.0.4; charset=utf-8";

export function httpMetrics(startedAtMs: number): HttpMetrics {
  // By route, method and status: a request costs look-ups and no text.
  const counts = new Map<string, Map<string, Map<number, number>>>();
  const within = <K, L, V>(map: Map<K, Map<L, V>>, key: K): Map<L, V> => {
    const known = map.get(key);
    if (known !== undefined) return known;
    const made = new Map<L, V>();
    map.set(key, made);
    return made;
  };
  return {
    count(method, route, status) {
      const ofMethod = within(within(counts, route), method);
      ofMethod.set(status, (ofMethod.get(status) ?? 0) + 1);
    },
    text(more = "") {
      const requests = [...counts].flatMap(([route, methods]) =>
        [...methods].flatMap(([method, statuses]) =>
          [...statuses].map(
            ([status, count]) => `http_server_requests_total{route="${escape(route)}",method="${method}",status="${status}"} ${count}`,
          ),
        ),
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
