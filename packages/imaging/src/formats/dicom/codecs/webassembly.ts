/**
 * The two decoders in WebAssembly: OpenJPEG for JPEG 2000, CharLS for JPEG-LS. Each is loaded with the first frame that needs it. After
 * a failure it is loaded anew: C++ that was left by an exception has not tidied up its memory, and was seen to hang on the next frame.
 */
/// <reference path="./decoders.d.ts" />

/** Code of a decoder, for where it cannot be fetched from beside the script (Node). */
export type LoadWasm = (codec: "jpeg" | "jpeg-ls" | "jpeg-2000") => Promise<Uint8Array>;

export interface WasmFrame {
  readonly width: number;
  readonly height: number;
  readonly bitsPerSample: number;
  readonly componentCount: number;
  readonly signed: boolean;
  /** A copy, samples in the machine's (little-endian) order. */
  readonly bytes: Uint8Array;
}

interface Decoder {
  decode(bytes: Uint8Array): WasmFrame;
}

type Codec = "jpeg-ls" | "jpeg-2000";

const loaded = new Map<Codec, Promise<Decoder>>();

/** @throws Error with the decoder's words */
export async function decodeWithWasm(codec: Codec, bytes: Uint8Array, loadWasm?: LoadWasm): Promise<WasmFrame> {
  const decoder = loaded.get(codec) ?? loaders[codec](loadWasm);
  loaded.set(codec, decoder);
  try {
    return (await decoder).decode(bytes);
  } catch (cause) {
    loaded.delete(codec);
    throw cause;
  }
}

const loaders: Readonly<Record<Codec, (loadWasm?: LoadWasm) => Promise<Decoder>>> = {
  async "jpeg-2000"(loadWasm) {
    const { default: load } = await import("@cornerstonejs/codec-openjpeg/decodewasmjs");
    const said: string[] = [];
    const { J2KDecoder } = await load({ ...(await binary("jpeg-2000", loadWasm)), ...listeners(said) });
    return {
      decode(bytes) {
        said.length = 0;
        const frame = runDecoder(new J2KDecoder(), bytes);
        // It reports failures in print and answers with an empty picture.
        const failure = said.find((text) => text.startsWith("[ERROR]"));
        if (failure !== undefined || frame.bytes.length === 0) throw new Error(failure?.slice(8) ?? "no picture");
        return frame;
      },
    };
  },
  async "jpeg-ls"(loadWasm) {
    const { default: load } = await import("@cornerstonejs/codec-charls/decodewasmjs");
    const module = await load({ ...(await binary("jpeg-ls", loadWasm)), ...listeners([]) });
    return {
      decode(bytes) {
        try {
          return runDecoder(new module.JpegLSDecoder(), bytes);
        } catch (cause) {
          // C++ exceptions arrive as addresses.
          throw typeof cause === "number" ? new Error([module.getExceptionMessage(cause)].flat().at(-1)) : cause;
        }
      },
    };
  },
};

async function binary(codec: Codec, loadWasm?: LoadWasm): Promise<{ wasmBinary?: Uint8Array }> {
  return loadWasm === undefined ? {} : { wasmBinary: await loadWasm(codec) };
}

function listeners(said: string[]): { print(text: string): void; printErr(text: string): void } {
  return { print: (text) => said.push(text), printErr: (text) => said.push(text) };
}

interface FrameDecoder {
  getEncodedBuffer(length: number): Uint8Array;
  decode(): void;
  getFrameInfo(): Omit<WasmFrame, "signed" | "bytes"> & { readonly isSigned?: boolean };
  getDecodedBuffer(): Uint8Array;
  delete(): void;
}

function runDecoder(decoder: FrameDecoder, bytes: Uint8Array): WasmFrame {
  decoder.getEncodedBuffer(bytes.length).set(bytes);
  decoder.decode();
  const { width, height, bitsPerSample, componentCount, isSigned = false } = decoder.getFrameInfo();
  const copy = decoder.getDecodedBuffer().slice();
  decoder.delete();
  return { width, height, bitsPerSample, componentCount, signed: isSigned, bytes: copy };
}
