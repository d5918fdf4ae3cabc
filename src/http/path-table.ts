/** Which methods a path knows: for 405, Allow and OPTIONS. */

export interface PathTable {
  /** The methods of the route that matches; empty where none does. */
  allowed(path: string): readonly string[];
}

/** @param routes patterns such as "/orders/{id}" */
export function pathTable(routes: readonly { readonly method: string; readonly path: string }[]): PathTable {
  const patterns = routes.map(({ method, path }) => ({ method, segments: path.split("/") }));
  return {
    allowed(path) {
      const segments = decoded(path.split("/"));
      if (segments === undefined) return [];
      const matching = patterns.filter((pattern) => matches(pattern.segments, segments));
      const methods = new Set(matching.map((pattern) => pattern.method));
      if (methods.size === 0) return [];
      if (methods.has("GET")) methods.add("HEAD");
      return [...methods.add("OPTIONS")];
    },
  };
}

function decoded(segments: readonly string[]): readonly string[] | undefined {
  try {
    return segments.map(decodeURIComponent);
  } catch {
    return undefined; // URIError: it is no path, so it matches none
  }
}

const matches = (pattern: readonly string[], segments: readonly string[]): boolean =>
  pattern.length === segments.length && pattern.every((part, at) => (part.startsWith("{") ? segments[at] !== "" : part === segments[at]));
