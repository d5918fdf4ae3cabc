/** The API reference page (Scalar), served whole from here: no CDN, no fonts from elsewhere, no telemetry. */
import fastify from "fastify";
import type { Reply } from "./reply.ts";

export interface DocsPage {
  page(): Promise<Reply>;
  script(): Promise<Reply>;
}

const scriptPath = "/docs/scalar.js";

/** Also what keeps the page from calling out, should a setting above ever be overlooked. */
const policy =
  "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const configuration = {
  url: "/openapi.json",
  cdn: scriptPath,
  withDefaultFonts: false,
  telemetry: false,
  hideClientButton: true,
  showDeveloperTools: "never",
  agent: { disabled: true },
  mcp: { disabled: true },
} as const;

/** Loaded at the first look, since the page's script is several megabytes. */
export function docsPage(title: string): DocsPage {
  let loading: Promise<{ readonly page: string; readonly script: string }> | undefined;
  const load = () =>
    (loading ??= render(title).catch((error: unknown) => {
      loading = undefined;
      throw error;
    }));
  return {
    page: async () => ({
      status: 200,
      headers: {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": policy,
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
      },
      body: (await load()).page,
    }),
    script: async () => ({
      status: 200,
      headers: { "content-type": "text/javascript; charset=utf-8", "cache-control": "public, max-age=3600" },
      body: (await load()).script,
    }),
  };
}

/** Scalar's plugin is asked in a server of its own that never listens: its routes trust the Host header. */
async function render(pageTitle: string) {
  const { default: scalar } = await import("@scalar/fastify-api-reference");
  const app = fastify();
  await app.register(scalar, { routePrefix: "/docs", configuration: { ...configuration, pageTitle } });
  const [page, script] = await Promise.all([app.inject("/docs/"), app.inject("/docs/js/scalar.js")]);
  await app.close();
  return { page: page.body, script: script.body };
}
