/** Array parameters in PostgreSQL's binary form: half the time of text arrays or JSON (the driver sends a Buffer as a binary parameter). */
export type ArrayType = "text" | "int4" | "int8" | "bool" | "uuid" | "float8";

const oids: Readonly<Record<ArrayType, number>> = { text: 25, int4: 23, int8: 20, bool: 16, uuid: 2950, float8: 701 };
const widths: Readonly<Record<Exclude<ArrayType, "text">, number>> = { int4: 4, int8: 8, bool: 1, uuid: 16, float8: 8 };
const headerBytes = 20;

/** `null` and `undefined` elements are SQL nulls. @throws TypeError where an element is not of the type */
export function binaryArray(type: ArrayType, values: readonly unknown[]): Buffer {
  if (values.length === 0) {
    const empty = Buffer.alloc(12);
    empty.writeInt32BE(oids[type], 8);
    return empty;
  }
  if (type === "int4" && values.every(isInt4)) return int4Array(values);
  const sizes = type === "text" ? values.map(textBytes) : undefined;
  const total =
    sizes === undefined
      ? values.reduce<number>((sum, v) => sum + 4 + (isNull(v) ? 0 : widths[type as keyof typeof widths]), 0)
      : sizes.reduce<number>((sum, n) => sum + 4 + Math.max(n, 0), 0);
  const buffer = Buffer.allocUnsafe(headerBytes + total);
  writeHeader(new DataView(buffer.buffer, buffer.byteOffset, buffer.length), type, values.length, values.some(isNull));
  let at = headerBytes;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (isNull(value)) {
      at = buffer.writeInt32BE(-1, at);
    } else if (sizes !== undefined) {
      at = buffer.writeInt32BE(sizes[i]!, at);
      at += buffer.write(value as string, at, "utf8");
    } else {
      at = buffer.writeInt32BE(widths[type as keyof typeof widths], at);
      at = writeFixed(type as keyof typeof widths, buffer, at, value);
    }
  }
  return buffer;
}

const isInt4 = (value: unknown): value is number => typeof value === "number" && (value | 0) === value;

function int4Array(values: readonly number[]): Buffer {
  const buffer = Buffer.allocUnsafe(headerBytes + 8 * values.length);
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
  writeHeader(view, "int4", values.length, false);
  for (let i = 0, at = headerBytes; i < values.length; i++, at += 8) {
    view.setInt32(at, 4);
    view.setInt32(at + 4, values[i]!);
  }
  return buffer;
}

const isNull = (value: unknown): boolean => value === null || value === undefined;

function writeHeader(view: DataView, type: ArrayType, length: number, hasNulls: boolean): void {
  view.setInt32(0, 1);
  view.setInt32(4, hasNulls ? 1 : 0);
  view.setInt32(8, oids[type]);
  view.setInt32(12, length);
  view.setInt32(16, 1);
}

function textBytes(value: unknown): number {
  if (isNull(value)) return -1;
  if (typeof value !== "string") throw new TypeError(`a text array takes strings, found ${typeof value}`);
  return Buffer.byteLength(value, "utf8");
}

function writeFixed(type: keyof typeof widths, buffer: Buffer, at: number, value: unknown): number {
  switch (type) {
    case "int4":
      return buffer.writeInt32BE(value as number, at);
    case "int8":
      return buffer.writeBigInt64BE(BigInt(value as number | bigint | string), at);
    case "bool":
      return buffer.writeUInt8(value === true ? 1 : 0, at);
    case "float8":
      return buffer.writeDoubleBE(value as number, at);
    case "uuid": {
      const hex = String(value).replaceAll("-", "");
      if (buffer.write(hex, at, 16, "hex") !== 16) throw new TypeError("a uuid array takes uuids");
      return at + 16;
    }
  }
}
