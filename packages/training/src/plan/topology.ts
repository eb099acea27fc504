/**
 * How large a patch is and how its network pools it: nnU-Net's rules (v2, `network_topology.py`, `default_experiment_planner.py`).
 * Two differ: an axis is never pooled before its kernels span it (nnU-Net's would step over voxels where the finest axis is too short to
 * pool), and an axis of one voxel keeps kernels of one.
 */
import { type Triple, voxelCount } from "@rfmedsam/imaging";

/** A patch `[z, y, x]` and how its network pools it, a stage each. */
export interface PooledPatch {
  readonly patch: Triple;
  readonly strides: readonly Triple[];
  readonly kernels: readonly Triple[];
}

/** Smallest extent of the coarsest feature map; nnU-Net stops pooling an axis below it. */
const smallestMap = 4;

const axes = [0, 1, 2] as const;
const triple = (of: (axis: number) => number) => axes.map(of) as unknown as Triple;

/** A patch of at least the wanted extents that its network's strides divide. One too small to be halved at all grows until it can be. */
export function pooledPatch(wanted: Triple, spacing: Triple, maximumStages: number): PooledPatch {
  const { strides, kernels } = pooling(wanted, spacing, maximumStages);
  if (strides.length === 1 && maximumStages > 1) {
    const enlarged = triple((axis) => (wanted[axis]! > 1 ? Math.max(wanted[axis]!, 2 * smallestMap) : 1));
    const longer = triple((axis) => (wanted[axis]! > 1 ? Math.max(wanted[axis]!, 3 * smallestMap) : 1));
    for (const larger of [enlarged, longer, triple((axis) => (axis === 0 ? wanted[0] : 3 * smallestMap))])
      if (pooling(larger, spacing, maximumStages).strides.length > 1)
        return pooledPatch(larger, spacing, maximumStages);
  }
  const divisor = divisorOf(strides);
  return { patch: triple((axis) => Math.ceil(wanted[axis]! / divisor[axis]!) * divisor[axis]!), strides, kernels };
}

function divisorOf(strides: readonly Triple[]): Triple {
  return triple((axis) => strides.reduce((product, stride) => product * stride[axis]!, 1));
}

/**
 * Which axes are halved at which stage: those less than twice as coarse as the finest and still long enough; the last one alone only
 * when it is half as long again. Kernels span an axis once it is less than twice as coarse as the finest, and from then on; at the
 * coarsest stage they span all.
 */
function pooling(patch: Triple, spacing: Triple, maximumStages: number): Omit<PooledPatch, "patch"> {
  const size: number[] = [...patch];
  const mm: number[] = [...spacing];
  const there = (axis: number) => patch[axis]! > 1;
  const strides: Triple[] = [[1, 1, 1]];
  const kernels: Triple[] = [];
  let kernel: Triple = [1, 1, 1];
  while (strides.length < maximumStages) {
    const long = axes.filter((axis) => size[axis]! >= 2 * smallestMap);
    const finestLong = Math.min(...long.map((axis) => mm[axis]!));
    const pooled: readonly number[] = long.filter((axis) => mm[axis]! < 2 * finestLong);
    if (pooled.length === 0 || (pooled.length === 1 && size[pooled[0]!]! < 3 * smallestMap)) break;
    const finest = Math.min(...axes.filter(there).map((axis) => mm[axis]!));
    const spanned = kernel;
    kernel = triple((axis) =>
      spanned[axis] === 3 || (there(axis) && (pooled.includes(axis) || mm[axis]! < 2 * finest)) ? 3 : 1,
    );
    kernels.push(kernel);
    strides.push(triple((axis) => (pooled.includes(axis) ? 2 : 1)));
    for (const axis of pooled) {
      size[axis] = Math.ceil(size[axis]! / 2);
      mm[axis] = mm[axis]! * 2;
    }
  }
  kernels.push(triple((axis) => (there(axis) ? 3 : 1)));
  return { strides, kernels };
}

/** Voxels of the first guess of a patch, before it is cut to the median case: certainly too many. */
const firstGuess = { 2: 2048 ** 2, 3: 256 ** 3 } as const;

/**
 * The largest patch that fits: as many mm in each direction where the median case has them, then shrunk along the axis that shows most of
 * the median case, by one pooling step at a time.
 *
 * @param median voxels of the median case; 1 along z for a 2D network
 * @returns undefined when not even the smallest fits
 */
export function fitPatch(
  median: Triple,
  spacing: Triple,
  maximumStages: number,
  fits: (candidate: PooledPatch) => boolean,
): PooledPatch | undefined {
  const flat = median[0] === 1;
  const used = flat ? [1, 2] : axes;
  const dimensions = flat ? 2 : 3;
  const density = used.reduce<number>((product, axis) => product / spacing[axis]!, 1);
  const side = (firstGuess[dimensions] / density) ** (1 / dimensions);
  const wanted = triple((axis) => Math.max(1, Math.min(median[axis]!, Math.round(side / spacing[axis]!))));
  let candidate = pooledPatch(wanted, spacing, maximumStages);
  while (!fits(candidate)) {
    const smaller = shrink(candidate, median, spacing, maximumStages);
    if (smaller === undefined) return undefined;
    candidate = smaller;
  }
  return candidate;
}

/** One step smaller along the axis that shows most of the median case and can still give. */
function shrink(
  { patch, strides }: PooledPatch,
  median: Triple,
  spacing: Triple,
  maximumStages: number,
): PooledPatch | undefined {
  const byShare = [...axes].sort((a, b) => patch[b]! / median[b]! - patch[a]! / median[a]! || b - a);
  for (const axis of byShare) {
    const step = (by: number) => triple((other) => (other === axis ? patch[other]! - by : patch[other]!));
    const first = step(divisorOf(strides)[axis]!);
    if (first[axis]! < 1) continue;
    // What pools less often may be cut in smaller steps: 256 with five halvings leads to 224, not to 192.
    const finer = divisorOf(pooling(first, spacing, maximumStages).strides)[axis]!;
    const smaller = pooledPatch(step(finer), spacing, maximumStages);
    if (voxelCount(smaller.patch) < voxelCount(patch)) return smaller;
    const coarser = pooledPatch(first, spacing, maximumStages);
    if (voxelCount(coarser.patch) < voxelCount(patch)) return coarser;
  }
  return undefined;
}
