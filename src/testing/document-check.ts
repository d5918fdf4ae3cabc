/** Documents against their view's schema, in the form in which they are stored (the schema's output), surplus fields included. */
import { Ajv2020 } from "ajv/dist/2020.js";
import { type AnyView, type Document, jsonSchemaOf } from "../core/index.ts";

/** Gives a function that answers what is wrong with a document, or nothing. */
export function documentCheck(view: AnyView): (document: Document) => string | undefined {
  const validate = new Ajv2020({ strict: false, allErrors: true, validateFormats: false }).compile(jsonSchemaOf(view.document, "output"));
  return (document) => {
    if (validate(document)) return undefined;
    return (validate.errors ?? [])
      .map(({ instancePath, message, params }) => {
        const surplus = (params as { additionalProperty?: string }).additionalProperty;
        return surplus === undefined
          ? `${instancePath || "the document"} ${message}`
          : `${instancePath}/${surplus} is no field of the schema`;
      })
      .join("; ");
  };
}
