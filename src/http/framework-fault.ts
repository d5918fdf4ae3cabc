/** What the web framework raises, in Tidemark's words. */
import { TidemarkError } from "../errors.ts";
import { maxBodyBytes } from "./body.ts";

/** Total: anything not known is given back as it is. */
export function translate(error: unknown): unknown {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  switch (code) {
    case "FST_ERR_CTP_BODY_TOO_LARGE":
      return new TidemarkError("PAYLOAD_TOO_LARGE", { limitBytes: maxBodyBytes }, { cause: error });
    case "FST_ERR_CTP_INVALID_MEDIA_TYPE":
      return new TidemarkError("UNSUPPORTED_MEDIA_TYPE", { found: "what Content-Type says" }, { cause: error });
    case "FST_ERR_CTP_INVALID_CONTENT_LENGTH":
      return new TidemarkError("INVALID_HEADER", { header: "Content-Length", problem: "the body has another length" }, { cause: error });
    case "ECONNRESET":
    case "ERR_STREAM_PREMATURE_CLOSE":
      return new TidemarkError("INVALID_JSON", { problem: "it ended early." }, { cause: error });
    case "FST_ERR_BAD_URL":
    case "FST_ERR_MAX_PARAM_LENGTH":
      return new TidemarkError("NOT_FOUND", { what: "This path" }, { cause: error });
    default:
      return error;
  }
}
