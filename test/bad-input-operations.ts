/** The operations of an OpenAPI document, and right and wrong requests as values. */

export interface Ask {
  readonly method: string;
  /** Path and query, as they go on the wire. */
  readonly url: string;
  /** Several lines of one name as a list. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: Buffer;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

export type Asker = (ask: Ask) => Promise<Answer>;

/** A wrong request and the only answers that it may get, as "status CODE". */
export interface Wrong {
  readonly what: string;
  readonly ask: Ask;
  readonly expected: readonly string[];
}

export interface Operation {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly parameters: readonly {
    readonly name: string;
    readonly in: string;
    readonly schema: Json;
    readonly example?: unknown;
    readonly allowEmptyValue?: boolean;
  }[];
  /** undefined: takes no body. */
  readonly body: { readonly required: boolean; readonly schema: Json; readonly example: unknown } | undefined;
}

export type Json = { readonly [name: string]: unknown };

/** All operations of a document, references resolved. */
export function operationsOf(openApi: Json): readonly Operation[] {
  const deref = (value: unknown): Json => {
    const reference = (value as Json)["$ref"];
    if (typeof reference !== "string") return value as Json;
    return deref(
      reference
        .slice(2)
        .split("/")
        .reduce<unknown>((at, step) => (at as Json)[step], openApi),
    );
  };
  return Object.entries(openApi["paths"] as Json).flatMap(([path, item]) =>
    Object.entries(item as Json).map(([method, given]): Operation => {
      const operation = given as Json;
      const media =
        operation["requestBody"] === undefined
          ? undefined
          : (((operation["requestBody"] as Json)["content"] as Json)["application/json"] as Json);
      return {
        method: method.toUpperCase() as "GET" | "POST",
        path,
        parameters: ((operation["parameters"] ?? []) as unknown[]).map(
          (parameter) => deref(parameter) as unknown as Operation["parameters"][number],
        ),
        body:
          media === undefined
            ? undefined
            : {
                required: (operation["requestBody"] as Json)["required"] === true,
                schema: deref(media["schema"]),
                example: media["example"],
              },
      };
    }),
  );
}

/** A right request of an operation, to be made wrong in one place. */
export function rightAsk(operation: Operation): Ask {
  const filled = operation.parameters
    .filter((parameter) => parameter.in === "path")
    .reduce((path, { name, example }) => path.replace(`{${name}}`, encodeURIComponent(String(example))), operation.path);
  if (operation.body === undefined) return { method: operation.method, url: filled, headers: {} };
  return {
    method: operation.method,
    url: filled,
    headers: { "content-type": "application/json" },
    body: Buffer.from(JSON.stringify(operation.body.example)),
  };
}
