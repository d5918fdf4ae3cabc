/** An answer as a value: routes make it, the server sends it. */

export interface Reply {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** The text of the body; null: there is none. */
  readonly body: string | null;
}

export const json = (value: unknown): string => JSON.stringify(value);

export const jsonType = "application/json; charset=utf-8";
