/** Types of the decoders that come without any: what is used of them. */

declare module "@cornerstonejs/codec-openjpeg/decodewasmjs" {
  interface FrameInfo {
    readonly width: number;
    readonly height: number;
    readonly bitsPerSample: number;
    readonly componentCount: number;
    readonly isSigned: boolean;
  }
  interface FrameDecoder {
    getEncodedBuffer(length: number): Uint8Array;
    decode(): void;
    getFrameInfo(): FrameInfo;
    getDecodedBuffer(): Uint8Array;
    delete(): void;
  }
  interface ModuleOptions {
    wasmBinary?: Uint8Array;
    print(text: string): void;
    printErr(text: string): void;
  }
  interface OpenJpegModule {
    readonly J2KDecoder: new () => FrameDecoder;
  }
  const load: (options: ModuleOptions) => Promise<OpenJpegModule>;
  export = load;
}

declare module "@cornerstonejs/codec-charls/decodewasmjs" {
  interface FrameInfo {
    readonly width: number;
    readonly height: number;
    readonly bitsPerSample: number;
    readonly componentCount: number;
  }
  interface FrameDecoder {
    getEncodedBuffer(length: number): Uint8Array;
    decode(): void;
    getFrameInfo(): FrameInfo;
    getDecodedBuffer(): Uint8Array;
    delete(): void;
  }
  interface ModuleOptions {
    wasmBinary?: Uint8Array;
    print(text: string): void;
    printErr(text: string): void;
  }
  interface CharlsModule {
    readonly JpegLSDecoder: new () => FrameDecoder;
    getExceptionMessage(thrown: number): readonly string[] | string;
  }
  const load: (options: ModuleOptions) => Promise<CharlsModule>;
  export = load;
}

declare module "jpeg-lossless-decoder-js" {
  export class Decoder {
    /** @returns samples, interleaved */
    decode(buffer: ArrayBufferLike, offset: number, length: number): Uint8Array | Uint16Array;
  }
}
