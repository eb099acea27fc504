/** What a scanner adds to the truth: blur, correlated noise, a slowly varying bias, Rician statistics in MR. */
import type { Random } from "@rfmedsam/base";
import type { Triple } from "@rfmedsam/imaging";

/** Gaussian blur along each axis, edges repeated, in place. @param sigma standard deviation in voxels per axis `[z, y, x]` */
export function blur(data: Float32Array, shape: Triple, sigma: Triple): void {
  const strides = [shape[1] * shape[2], shape[2], 1] as const;
  for (const axis of [0, 1, 2] as const) {
    if (sigma[axis] > 0) blurAxis(data, shape[axis], strides[axis], gaussian(sigma[axis]));
  }
}

function gaussian(sigma: number): Float64Array {
  const radius = Math.max(1, Math.ceil(3 * sigma));
  const kernel = Float64Array.from({ length: 2 * radius + 1 }, (_, i) => Math.exp(-0.5 * ((i - radius) / sigma) ** 2));
  const sum = kernel.reduce((total, weight) => total + weight, 0);
  return kernel.map((weight) => weight / sum);
}

function blurAxis(data: Float32Array, length: number, stride: number, kernel: Float64Array): void {
  const radius = (kernel.length - 1) / 2;
  const line = new Float64Array(length + 2 * radius);
  for (let block = 0; block < data.length; block += length * stride) {
    for (let start = block; start < block + stride; start++) {
      for (let i = 0; i < line.length; i++) {
        line[i] = data[start + Math.min(length - 1, Math.max(0, i - radius)) * stride] as number;
      }
      for (let i = 0; i < length; i++) {
        let sum = 0;
        for (let t = 0; t < kernel.length; t++) sum += (kernel[t] as number) * (line[i + t] as number);
        data[start + i * stride] = sum;
      }
    }
  }
}

/** Noise of standard deviation 1 whose neighbouring voxels are alike. @param sigma correlation length in voxels `[z, y, x]` */
export function correlatedNoise(random: Random, shape: Triple, sigma: Triple): Float32Array {
  const noise = new Float32Array(shape[0] * shape[1] * shape[2]);
  // Sum of four uniforms: near enough to normal, four times cheaper, and the blur makes it normal anyway.
  for (let i = 0; i < noise.length; i++) {
    const bits = random.uint32();
    const more = random.uint32();
    noise[i] = ((bits & 0xffff) + (bits >>> 16) + (more & 0xffff) + (more >>> 16)) / 65536 - 2;
  }
  blur(noise, shape, sigma);
  let squares = 0;
  for (const value of noise) squares += value * value;
  const scale = 1 / Math.sqrt(squares / noise.length);
  for (let i = 0; i < noise.length; i++) noise[i] = (noise[i] as number) * scale;
  return noise;
}

/** Magnitude of a complex signal with noise in both parts (Gudbjartsson & Patz 1995), in place. */
export function addRician(data: Float32Array, real: Float32Array, imaginary: Float32Array, sigma: number): void {
  for (let i = 0; i < data.length; i++) {
    const re = (data[i] as number) + sigma * (real[i] as number);
    data[i] = Math.hypot(re, sigma * (imaginary[i] as number));
  }
}
