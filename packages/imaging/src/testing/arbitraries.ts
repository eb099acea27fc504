/** Random volumes for property tests. */
import { fc } from "@fast-check/vitest";
import { multiply } from "../geometry.js";
import { orientations } from "../orientation.js";
import { type Affine, type Triple, type Volume, type VoxelArray, voxelCount } from "../volume.js";

export const shapes: fc.Arbitrary<Triple> = fc.tuple(
  fc.integer({ min: 1, max: 6 }),
  fc.integer({ min: 1, max: 6 }),
  fc.integer({ min: 1, max: 6 }),
);

/** A shape and a mask of it, 0 or 1. */
export const masks: fc.Arbitrary<{ shape: Triple; mask: Uint8Array }> = shapes.chain((shape) =>
  fc.record({
    shape: fc.constant(shape),
    mask: fc.uint8Array({ minLength: voxelCount(shape), maxLength: voxelCount(shape), max: 1 }),
  }),
);

const makers: readonly ((bytes: ArrayBuffer) => VoxelArray)[] = [
  (bytes) => new Int8Array(bytes),
  (bytes) => new Uint8Array(bytes),
  (bytes) => new Int16Array(bytes),
  (bytes) => new Uint16Array(bytes),
  (bytes) => new Int32Array(bytes),
  (bytes) => new Uint32Array(bytes),
  (bytes) => new Float32Array(bytes),
  (bytes) => new Float64Array(bytes),
];

/** Spacing 0.1 to 10 mm, any rotation, possibly mirrored, anywhere within a metre. */
export const affines: fc.Arbitrary<Affine> = fc
  .record({
    spacing: fc.tuple(size(), size(), size()),
    angles: fc.tuple(angle(), angle(), angle()),
    mirrored: fc.boolean(),
    origin: fc.tuple(place(), place(), place()),
  })
  .map(({ spacing, angles, mirrored, origin }) => {
    const [a, b, c] = angles;
    const x = [1, 0, 0, 0, 0, Math.cos(a), -Math.sin(a), 0, 0, Math.sin(a), Math.cos(a), 0, 0, 0, 0, 1];
    const y = [Math.cos(b), 0, Math.sin(b), 0, 0, 1, 0, 0, -Math.sin(b), 0, Math.cos(b), 0, 0, 0, 0, 1];
    const z = [Math.cos(c), -Math.sin(c), 0, 0, Math.sin(c), Math.cos(c), 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
    const scale = [spacing[0], 0, 0, 0, 0, spacing[1], 0, 0, 0, 0, mirrored ? -spacing[2] : spacing[2], 0, 0, 0, 0, 1];
    const turned = multiply(multiply(multiply(x, y), z), scale);
    return turned.map((value, index) => (index % 4 === 3 && index < 12 ? origin[(index - 3) / 4]! : value));
  });

/** Volumes of every element type (numbers only), random bits as voxels. */
export const volumes: fc.Arbitrary<Volume> = fc
  .tuple(shapes, affines, fc.nat(makers.length - 1), fc.integer())
  .map(([shape, affine, kind, seed]) => {
    const bytes = new Uint8Array(shape[0] * shape[1] * shape[2] * 8);
    let state = seed | 1;
    for (let i = 0; i < bytes.length; i++) {
      state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + i;
      bytes[i] = state >>> 11;
    }
    const whole = makers[kind]!(bytes.buffer);
    const data = whole.slice(0, shape[0] * shape[1] * shape[2]) as VoxelArray;
    return { data, shape, affine };
  });

export const axisLetters = fc.constantFrom(...orientations);

function size() {
  return fc.double({ min: 0.1, max: 10, noNaN: true });
}

function angle() {
  return fc.double({ min: -Math.PI, max: Math.PI, noNaN: true });
}

function place() {
  return fc.double({ min: -1000, max: 1000, noNaN: true });
}
