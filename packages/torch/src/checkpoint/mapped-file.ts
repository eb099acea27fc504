/** A file mapped into memory: reading costs nothing until a page is touched, and what was read is not held twice. */
import { access, constants, stat } from "node:fs/promises";
import { FileError } from "@rfmedsam/base";
import { fileErrorOf } from "@rfmedsam/base/node";
import { fromFile } from "../generated/operators.js";
import { scope } from "../scope.js";
import type { Tensor } from "../tensor.js";
import type { ByteSource } from "./byte-source.js";

/** The bytes of a regular file. Opening a pipe or a device would wait or never end. @throws FileError */
export async function fileSize(file: string): Promise<number> {
  const kind = await stat(file).catch((cause: unknown) => {
    throw fileErrorOf(cause, file);
  });
  if (!kind.isFile())
    throw new FileError({ file, found: kind.isDirectory() ? "is a folder" : "is not a regular file" });
  return kind.size;
}

/** Ends with `using`; tensors that are views of it keep the memory. */
export class MappedFile implements ByteSource {
  private constructor(
    readonly file: string,
    readonly size: number,
    /** The bytes, `[size]`; `undefined` for an empty file, which cannot be mapped. */
    readonly tensor: Tensor | undefined,
  ) {}

  /** @throws FileError */
  static async open(file: string): Promise<MappedFile> {
    const size = await fileSize(file);
    await access(file, constants.R_OK).catch((cause: unknown) => {
      throw fileErrorOf(cause, file);
    });
    // Private: changing a tensor changes neither the file nor another process's view.
    return new MappedFile(
      file,
      size,
      size === 0 ? undefined : fromFile(file, { shared: false, size, dtype: "uint8" }).keep(),
    );
  }

  bytes(start: number, length: number): Uint8Array {
    const { tensor } = this;
    return tensor === undefined || length === 0
      ? new Uint8Array()
      : scope(() => tensor.narrow(0, start, length).shareBytes());
  }

  [Symbol.dispose](): void {
    this.tensor?.free();
  }
}
