import { Client, type ClientOptions, HttpConnection } from "@elastic/elasticsearch";

/**
 * The official client of today on Elasticsearch 7.10.2, the last one under an open-source licence, which the client
 * refuses otherwise: it asks for a media type that came later, and looks for a header that only later servers send.
 * For that server in tests alone; no application needs it.
 */
export function oldElasticsearch(node: string, options: ClientOptions = {}): Client {
  return new Client({ ...options, node, Connection: OldConnection });
}

const newMediaType = /application\/vnd\.elasticsearch\+(x-nd)?json; ?compatible-with=\d+/g;

type Request = HttpConnection["request"];
type Send = (...args: Parameters<Request>) => ReturnType<Request>;
type Headers = NonNullable<Parameters<Request>[0]["headers"]>;

class OldConnection extends HttpConnection {
  constructor(options: ConstructorParameters<typeof HttpConnection>[0]) {
    super(options);
    const send: Send = this.request.bind(this);
    const adapted: Send = async (params, sendOptions) => {
      const response = await send({ ...params, headers: withOldMediaTypes(params.headers) }, sendOptions);
      return { ...response, headers: { ...response.headers, "x-elastic-product": "Elasticsearch" } };
    };
    this.request = adapted as Request;
  }
}

function withOldMediaTypes(headers: Headers = {}): Headers {
  const old = (value: string): string =>
    value.replace(newMediaType, (_, lines?: string) => (lines ? "application/x-ndjson" : "application/json"));
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, typeof value === "string" ? old(value) : value]));
}
