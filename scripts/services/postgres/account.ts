import { execFileSync } from "node:child_process";
import { chownSync, readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";

/** Whom PostgreSQL runs as: it refuses to run as root, so root lends it another account of this system. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** Undefined: as the user that we are. For root: `postgres` where the system has such a user, else `nobody`. */
export function postgresAccount(): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const users = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"));
  const user = users.find(([name]) => name === "postgres") ?? users.find(([name]) => name === "nobody");
  if (!user)
    throw new Error("PostgreSQL does not run as root, and this system has neither a user 'postgres' nor 'nobody'. Run as another user.");
  return { uid: Number(user[2]), gid: Number(user[3]) };
}

/** The command that runs `program` as `account`, which must reach all of `paths`. */
export function commandAs(
  account: Account | undefined,
  program: string,
  args: readonly string[],
  paths: readonly string[],
): { command: string; args: readonly string[]; uid?: number; gid?: number } {
  if (!account) return { command: program, args };
  if ([program, ...paths].every((path) => canReach(account, path))) return { command: program, args, ...account };
  // A checkout in a folder that only root may enter: the account keeps root's right to pass through it. PostgreSQL asks
  // access(2) about its own program, which counts that right only without the fix-up of capabilities at a change of user.
  const rights = ["--inh-caps=+dac_override", "--ambient-caps=+dac_override", "--securebits=+no_setuid_fixup"];
  const setpriv = ["--reuid", String(account.uid), "--regid", String(account.gid), "--clear-groups", ...rights, "--"];
  try {
    execFileSync("setpriv", [...setpriv, program, "--version"], { stdio: "pipe" });
  } catch (error) {
    throw new Error(
      `PostgreSQL does not run as root, and the user ${account.uid} may not enter the folders of ${program} or ${paths.join(", ")}. Run as another user, or move the checkout to where all users may read.`,
      { cause: error },
    );
  }
  return { command: "setpriv", args: [...setpriv, program, ...args] };
}

/** Makes the account the owner of a folder, where there is an account to lend. */
export function give(dir: string, account: Account | undefined): void {
  if (account) chownSync(dir, account.uid, account.gid);
}

function canReach(account: Account, path: string): boolean {
  for (let dir = dirname(path); ; dir = dirname(dir)) {
    const { mode, uid, gid } = statSync(dir);
    const bit = uid === account.uid ? 0o100 : gid === account.gid ? 0o010 : 0o001;
    if ((mode & bit) === 0) return false;
    if (dir === dirname(dir)) return true;
  }
}
