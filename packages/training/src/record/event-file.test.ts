import { ConfigError } from "@rfmedsam/base";
import { describe, expect, test } from "vitest";
import { crc32c, encodeEvent, fileHeader } from "./event-file.js";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

describe("event files", () => {
  // RFC 3720, appendix B.4.
  test.each([
    ["32 zeros", new Uint8Array(32), 0x8a9136aa],
    ["32 ones", new Uint8Array(32).fill(0xff), 0x62a8ab43],
    ["0 to 31", Uint8Array.from({ length: 32 }, (_, at) => at), 0x46dd794e],
    ["31 to 0", Uint8Array.from({ length: 32 }, (_, at) => 31 - at), 0x113fdb5c],
  ])("CRC-32C of %s is the RFC's", (_, bytes, crc) => expect(crc32c(bytes)).toBe(crc));

  // Written by tensorboard 2.20's RecordWriter from its own protocol buffers.
  test("a file begins with the bytes that TensorBoard writes", () => {
    expect(hex(fileHeader(1700000000.25))).toBe(
      "1800000000000000a37f4b220900001040fc54d9411a0d627261696e2e4576656e743a32338d2fe9",
    );
  });

  test("two values at a step beyond 32 bits, one with a letter of two bytes, are the bytes that TensorBoard writes", () => {
    const scalars = { "refiner/loss": 0.75, "refiner/é": -1e-5 };
    expect(hex(encodeEvent({ time: 1700000001.5, step: 5_000_000_000, scalars }))).toBe(
      "39000000000000008b0737f10900006040fc54d9411080e497d0122a280a130a0c726566696e65722f6c6f7373150000403f" +
        "0a110a0a726566696e65722fc3a915acc527b79bfdd978",
    );
  });

  test("a tag whose length takes two bytes is what TensorBoard writes", () => {
    expect(hex(encodeEvent({ time: 1, step: 300, scalars: { [`a/${"b".repeat(200)}`]: 3 } }))).toBe(
      `e4000000000000004007d4b209000000000000f03f10ac022ad5010ad2010aca01612f${"62".repeat(200)}150000404063f5c1a2`,
    );
  });

  test.each([-1, 0.5, Number.NaN])("step %d is refused", (step) =>
    expect(() => encodeEvent({ time: 0, step, scalars: {} })).toThrow(ConfigError),
  );
});
