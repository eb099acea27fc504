/** A checksum over tensors, which tells a damaged file from a sound one. */
import { createHash } from "node:crypto";
import type { Tensor } from "@rfmedsam/torch";

/** A hash takes less than 2 GiB at once. */
const chunk = 2 ** 28;

/** SHA-256 over names and bytes of all tensors, contiguous and in main memory, in the order of their names. */
export function checksum(tensors: ReadonlyMap<string, Tensor>): string {
  const hash = createHash("sha256");
  for (const name of [...tensors.keys()].sort()) {
    hash.update(name);
    const bytes = tensors.get(name)!.shareBytes();
    for (let at = 0; at < bytes.length; at += chunk) hash.update(bytes.subarray(at, at + chunk));
  }
  return hash.digest("hex");
}
