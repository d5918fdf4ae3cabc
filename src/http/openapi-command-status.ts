/** `/commands/{id}` in the OpenAPI document. */
import { faultCases, type Json, problemResponses, ref } from "./openapi-parts.ts";

const answer = {
  type: "object",
  description: "Status and body of the synchronous form.",
  required: ["status", "body"],
  properties: { status: { type: "integer" }, body: {} },
};

export const commandStatusPaths: Readonly<Record<string, Readonly<Record<string, Json>>>> = {
  "/commands/{id}": {
    get: {
      operationId: "getCommand",
      summary: "What became of a command",
      tags: ["commands"],
      description: "`pending` from its acceptance (`Prefer: respond-async`, or the topic of commands) until it is decided.",
      parameters: [
        {
          name: "id",
          in: "path",
          required: true,
          description: "As `Location` named it.",
          schema: { type: "string", minLength: 1, maxLength: 255 },
          example: "8e03978e-40d5-43e8-bc93-6894a57f9324",
        },
      ],
      responses: {
        "200": {
          description: "Known.",
          headers: { "Consistency-Token": ref("headers", "ConsistencyToken"), "Retry-After": ref("headers", "RetryAfter") },
          content: {
            "application/json": {
              schema: {
                type: "object",
                required: ["commandId", "status"],
                properties: { commandId: { type: "string" }, status: { enum: ["pending", "accepted", "rejected"] }, answer },
              },
              example: { commandId: "8e03978e-40d5-43e8-bc93-6894a57f9324", status: "pending" },
            },
          },
        },
        ...problemResponses(faultCases(["NOT_FOUND", "METHOD_NOT_ALLOWED", "OVERLOADED", "UNAVAILABLE"])),
      },
    },
  },
};
