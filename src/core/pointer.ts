/** One step of an RFC 6901 pointer, such as "/a~1b". */
export const pointerTo = (key: PropertyKey): string => `/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`;
