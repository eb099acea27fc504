/**
 * One training at a time in a folder: a file that says which process has it. A process that was killed leaves its file behind; the next
 * one on the same machine sees that nobody has it any more, and takes the folder over.
 */
import { existsSync, readFileSync } from "node:fs";
import { readFile, rm, rmdir, stat, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { ConfigError } from "@rfmedsam/base";
import { fileErrorOf, makeFolder } from "@rfmedsam/base/node";

/** Who has a folder. */
interface Holder {
  readonly pid: number;
  readonly host: string;
  /** When the folder was taken. */
  readonly started: string;
  /** When the process itself began, in the kernel's own count, where it tells: numbers of processes are given out again. */
  readonly birth: string | null;
}

/** How long a file may be without contents, ms: between its making and its writing. */
const writingTakes = 10_000;

export class FolderLock {
  private constructor(
    private readonly file: string,
    private readonly content: string,
    /** The first folder that was made for the file. */
    private readonly made: string | undefined,
  ) {}

  /**
   * Takes the lock `file`; the folder it lies in is made if missing.
   *
   * @throws ConfigError while another process has it
   */
  static async take(file: string): Promise<FolderLock> {
    const holder: Holder = {
      pid: process.pid,
      host: hostname(),
      started: new Date().toISOString(),
      birth: birthOf(process.pid),
    };
    const content = `${JSON.stringify(holder)}\n`;
    let made: string | undefined;
    try {
      made = await makeFolder(dirname(file));
      if (!(await create(file, content))) await takeOver(file, content);
    } catch (cause) {
      await removeEmpty(dirname(file), made);
      throw fileErrorOf(cause, file);
    }
    return new FolderLock(file, content, made);
  }

  /** Gives the folder up, and removes it if it was made for the lock and nothing came into it. */
  async release(): Promise<void> {
    const content = await readFile(this.file, "utf8").catch(() => "");
    if (content === this.content) await rm(this.file, { force: true });
    await removeEmpty(dirname(this.file), this.made);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }
}

/** Makes the file with its contents, unless it is there already. */
async function create(file: string, content: string): Promise<boolean> {
  try {
    await writeFile(file, content, { flag: "wx" });
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw cause;
  }
}

/** Of several processes that find an abandoned lock, one replaces it: the one that makes the second file. */
async function takeOver(file: string, content: string): Promise<void> {
  const guard = `${file}.taking`;
  await refuseHeld(file);
  if (!(await create(guard, content))) {
    await refuseHeld(guard);
    await rm(guard, { force: true }); // its process was killed in between
    if (!(await create(guard, content))) throw held(file, undefined);
  }
  try {
    await refuseHeld(file);
    await rm(file, { force: true });
    if (!(await create(file, content))) throw held(file, undefined);
  } finally {
    await rm(guard, { force: true });
  }
}

/** @throws ConfigError unless the holder of an existing lock is gone */
async function refuseHeld(file: string): Promise<void> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return; // given up meanwhile
    throw cause;
  }
  const holder = parseHolder(text);
  if (holder === undefined) {
    const age = Date.now() - (await stat(file)).mtimeMs;
    if (age < writingTakes) throw held(file, undefined);
  } else if (holder.host !== hostname() || isAlive(holder)) throw held(file, holder);
}

function parseHolder(text: string): Holder | undefined {
  try {
    const holder = JSON.parse(text) as Partial<Holder> | null;
    return Number.isInteger(holder?.pid) && typeof holder?.host === "string" ? (holder as Holder) : undefined;
  } catch {
    return undefined; // not written yet, or not by us
  }
}

function held(file: string, holder: Holder | undefined): ConfigError {
  const elsewhere = holder !== undefined && holder.host !== hostname();
  const who = holder === undefined ? "" : ` (process ${holder.pid} on ${holder.host}, since ${holder.started})`;
  return new ConfigError({
    file: dirname(file),
    found: `another training is running in this folder${who}`,
    expected: "one training at a time in a folder",
    hint: elsewhere
      ? `wait for it or stop it there; if it runs no more (only ${holder.host} can tell), delete ${file} and run the command again`
      : "wait for it, stop it, or choose another output folder",
  });
}

function isAlive({ pid, birth }: Holder): boolean {
  try {
    process.kill(pid, 0);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EPERM") return false; // EPERM: somebody else's process, so there is one
  }
  const now = birthOf(pid);
  return birth === null || now === null || birth === now;
}

/** The boot and the tick in it at which a process began (Linux, see proc(5)); `null` where that is not told. */
function birthOf(pid: number): string | null {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name, in brackets, may hold spaces; the start time is the 20th field after it.
    const started = fields.slice(fields.lastIndexOf(")") + 2).split(" ")[19];
    return `${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()}/${started}`;
  } catch {
    return null;
  }
}

/** Removes a folder and those around it, up to the first that was made, while they are empty. */
async function removeEmpty(folder: string, first: string | undefined): Promise<void> {
  if (first === undefined || !existsSync(folder)) return;
  const removed = await rmdir(folder).then(
    () => true,
    () => false, // something is in it
  );
  if (removed && folder !== first) await removeEmpty(dirname(folder), first);
}
