/** What may be stored is JSON; these types say so before anything runs. */
import type { Schema } from "./definition.ts";
import type { Out } from "./message-types.ts";

type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [name: string]: JsonValue | undefined };

/** `never` where every part of T survives JSON. Interfaces lack an index signature, so they are looked into member by member. */
type NotJson<T> = T extends JsonValue | undefined
  ? never
  : T extends bigint | symbol | ((...args: never) => unknown)
    ? T
    : T extends readonly (infer Item)[]
      ? NotJson<Item>
      : T extends object
        ? { [K in keyof T]-?: NotJson<T[K]> }[keyof T]
        : T;

/** `unknown` for a schema whose output is JSON, a sentence that names the cause for any other. */
export type JsonSchema<S extends Schema> = [NotJson<Out<S>>] extends [never]
  ? [undefined] extends [Out<S>]
    ? "what this schema gives out may be undefined, which is not JSON"
    : unknown
  : "what this schema gives out is not JSON: no Date, bigint, Map, Set or function can be stored";

/** `unknown` for a state that is JSON, a sentence that names the cause for any other. */
export type JsonState<S> = [NotJson<S>] extends [never]
  ? unknown
  : "this state is not JSON: no Date, bigint, Map, Set or function can be in a snapshot";

export type JsonSchemas<E extends Readonly<Record<string, Schema>>> = { readonly [K in keyof E]: JsonSchema<E[K]> };
