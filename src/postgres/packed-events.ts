/**
 * Events of a partition as one text: many small columns cost a reader several times what their bytes do.
 * What a user's text may hold is cut by its length and never searched for a separator; JSON as the database keeps it holds no control character.
 */
import type { StoredEvent } from "../runtime/ports.ts";

const unit = 0x1f;
const record = "\x1e";
const uuidLength = 36;

/** The expression for one row of `events`; rows are joined by `packedSeparator`. */
export const packedRow = `concat(position, E'\\x1f', version, E'\\x1f', schema_version, E'\\x1f', char_length(type), E'\\x1f', char_length(stream), E'\\x1f',
  char_length(command_id), E'\\x1f', event_id, type, stream, command_id, metadata, E'\\x1f', data)`;
export const packedSeparator = "E'\\x1e'";

/** Its texts are parts of `text`: whoever keeps one keeps it all in memory. */
export function unpack(log: string, partition: number, text: string): StoredEvent[] {
  const events: StoredEvent[] = [];
  let at = 0;
  const number = (): number => {
    let value = 0;
    for (let code = text.charCodeAt(at++); code !== unit; code = text.charCodeAt(at++)) {
      if (!(code >= 0x30 && code <= 0x39)) throw new RangeError(`no number at ${at - 1} of packed events of log '${log}'`);
      value = value * 10 + code - 0x30;
    }
    return value;
  };
  /** A character is a code point, whatever the database's encoding. */
  const characters = (length: number): string => {
    const start = at;
    for (let left = length; left > 0; left--) {
      const code = text.charCodeAt(at++);
      if (code >= 0xd800 && code <= 0xdbff) at++;
    }
    return text.slice(start, at);
  };
  while (at < text.length) {
    const position = number();
    const version = number();
    const schemaVersion = number();
    const typeLength = number();
    const streamLength = number();
    const commandLength = number();
    const id = text.slice(at, (at += uuidLength));
    const type = characters(typeLength);
    const stream = characters(streamLength);
    const commandId = characters(commandLength);
    const middle = text.indexOf("\x1f", at);
    const next = text.indexOf(record, middle);
    const end = next < 0 ? text.length : next;
    const metadata = text.slice(at, middle);
    const data = text.slice(middle + 1, end);
    at = end + 1;
    events.push({ log, partition, position, stream, version, type, schemaVersion, id, commandId, data, metadata });
  }
  return events;
}
