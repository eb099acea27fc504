/** What a study's networks are, by the content of their files: others trained into the same place are others. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { fileErrorOf, namesIn } from "@rfmedsam/base/node";

/** SHA-256 of files of weights, one after the other. @throws FileError */
export async function contentOfWeights(...files: readonly string[]): Promise<string> {
  const hash = createHash("sha256");
  for (const file of files) {
    try {
      for await (const bytes of createReadStream(file)) hash.update(bytes as Uint8Array);
    } catch (cause) {
      throw fileErrorOf(cause, file);
    }
  }
  return hash.digest("hex");
}

/** The same of all weights of a model folder. @throws FileError */
export async function contentOfModel(folder: string): Promise<string> {
  const names = (await namesIn(folder)).filter((name) => name.endsWith(".safetensors")).sort();
  return contentOfWeights(...names.map((name) => join(folder, name)));
}
