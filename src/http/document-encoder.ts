/** From a stored document to what clients see. */
import type { AnyView, Document } from "../core/definition.ts";
import type { Encode } from "./routes.ts";

export const documentEncoder = (view: AnyView, encode: Encode): ((document: Document) => unknown) => (document) => encode(view.document, document);
