/** Names that become tables, topics and routes, so they are checked where they are given. */
import { TidemarkError } from "../errors.ts";

const definitionName = /^[a-z][a-z0-9_]{0,39}$/;
const messageName = /^[A-Za-z][A-Za-z0-9_]{0,79}$/;

export const refuse = (what: string): never => {
  throw new TidemarkError("INVALID_DEFINITION", { what });
};

/** @throws INVALID_DEFINITION unless it is fit to be the name of a log or a view */
export function checkName(kind: string, name: string): void {
  if (!definitionName.test(name))
    refuse(`'${name}' is no name for ${kind}: use lower-case letters, digits and _, a letter first, 40 characters at most.`);
}

/** @throws INVALID_DEFINITION unless it is fit to be the name of a command, an event or a rejection */
export function checkMessageName(kind: string, name: string): void {
  if (!messageName.test(name))
    refuse(`'${name}' is no name for ${kind}: use letters, digits and _, a letter first, 80 characters at most.`);
}
