/**
 * PyTorch's functions that checkpoints name (rows of globals.ts): they describe tensors, after checking that every element lies
 * inside the storage. A tensor of elements that are not supported becomes an opaque object, so that it cannot hide the model beside it.
 */
import { type Dtype, dtypeBytes } from "../dtype.js";
import type { Machine } from "./pickle-machine.js";
import {
  type Described,
  OpaqueObject,
  PickledTuple,
  StorageRecord,
  TensorDescription,
  TorchDevice,
  TorchDtype,
  TorchSize,
} from "./pickle-values.js";
import { damaged, glimpse } from "./problems.js";

/** No tensor has more dimensions than this (libtorch itself and NumPy stop there). */
const rankLimit = 64;

/** `_rebuild_tensor(storage, offset, size, stride)`; `_v2` adds `requires_grad, backward_hooks[, metadata]`. */
export function rebuildTensor(args: readonly Described[], machine: Machine): Described {
  const [storage, offset, size, stride, , , metadata] = args;
  const known = args.length === 4 || args.length === 6 || args.length === 7;
  if (!known || !(storage instanceof StorageRecord) || storage.type.elements === undefined) {
    throw machine.malformed("a tensor without a storage");
  }
  refuseMetadata(metadata, machine);
  return describe(storage, storage.type.elements, offset, size, stride, machine);
}

/** `_rebuild_tensor_v3(storage, offset, size, stride, requires_grad, backward_hooks, dtype[, metadata])`, over untyped storages. */
export function rebuildTensorV3(args: readonly Described[], machine: Machine): Described {
  const [storage, offset, size, stride, , , dtype, metadata] = args;
  if (!(storage instanceof StorageRecord) || !(dtype instanceof TorchDtype))
    throw machine.malformed("a tensor without a storage");
  refuseMetadata(metadata, machine);
  return describe(storage, dtype.name, offset, size, stride, machine);
}

/** `_rebuild_parameter(data, requires_grad, backward_hooks[, state])`: the tensor itself. */
export function rebuildParameter(args: readonly Described[], machine: Machine): Described {
  const [data] = args;
  if (args.length < 3 || !(data instanceof TensorDescription || data instanceof OpaqueObject)) {
    throw machine.malformed("a parameter without a tensor");
  }
  return data;
}

/** `torch.Size((…))`. */
export function size(args: readonly Described[], machine: Machine): Described {
  return machine.made(new TorchSize(extentsOf(args[0], "size", machine)));
}

/** `torch.device("cuda", 0)`. */
export function device(args: readonly Described[], machine: Machine): Described {
  const [name, index] = args;
  if (typeof name !== "string" || !(index === undefined || typeof index === "number")) {
    throw machine.malformed("a device without a name");
  }
  return machine.made(new TorchDevice(index === undefined ? name : `${name}:${index}`));
}

/** Values that are stored negated or conjugated: the flags that a tensor's metadata may hold. */
function refuseMetadata(metadata: Described | undefined, machine: Machine): void {
  const plain =
    metadata === undefined ||
    metadata === null ||
    (metadata instanceof Map && [...metadata.values()].every((on) => on === false));
  if (!plain) throw machine.malformed("a tensor whose values are marked as negated or conjugated");
}

function describe(
  storage: StorageRecord,
  elements: string,
  offset: Described | undefined,
  size: Described | undefined,
  stride: Described | undefined,
  machine: Machine,
): Described {
  const shape = extentsOf(size, "size", machine);
  const strides = extentsOf(stride, "stride", machine);
  if (shape.length !== strides.length) {
    throw damaged(machine.file, "invalid_shape", `a tensor has ${shape.length} sizes and ${strides.length} strides`);
  }
  if (!Object.hasOwn(dtypeBytes, elements)) return machine.made(new OpaqueObject(`torch.Tensor of ${elements}`));
  const dtype = elements as Dtype;
  checkElements(machine.file, storage, dtype, shape, strides, offset);
  return machine.tensor(new TensorDescription(storage, dtype, shape, strides, offset as number));
}

/** A tuple of integers: of sizes, which are never negative, or of strides. */
function extentsOf(value: Described | undefined, what: "size" | "stride", machine: Machine): readonly number[] {
  const items = value instanceof PickledTuple ? value.items : value instanceof TorchSize ? value.extents : undefined;
  const wrong = (kind: "invalid_shape" | "shape_overflow" | "tensor_out_of_storage") =>
    damaged(machine.file, kind, `a tensor has the ${what} ${glimpse(items ?? value)}`, {
      expected: `at most ${rankLimit} integers that are not negative and fit into memory`,
    });
  if (items === undefined || items.length > rankLimit) throw wrong("invalid_shape");
  for (const item of items) {
    if (typeof item !== "number" && typeof item !== "bigint") throw wrong("invalid_shape");
    if (typeof item === "number" && !Number.isInteger(item)) throw wrong("invalid_shape");
    if (item < 0) throw wrong(what === "size" ? "invalid_shape" : "tensor_out_of_storage");
    if (item > Number.MAX_SAFE_INTEGER) throw wrong(what === "size" ? "shape_overflow" : "tensor_out_of_storage");
  }
  return items as readonly number[];
}

function checkElements(
  file: string,
  storage: StorageRecord,
  dtype: Dtype,
  shape: readonly number[],
  strides: readonly number[],
  offset: Described | undefined,
): void {
  // Also an empty tensor's other extents must be believable: libtorch multiplies them.
  const bytes = shape.reduce((product, extent) => product * Math.max(1, extent), dtypeBytes[dtype]);
  if (bytes > Number.MAX_SAFE_INTEGER) {
    throw damaged(file, "shape_overflow", `a tensor has shape [${shape.join(", ")}]`, {
      expected: "a shape that fits into memory",
    });
  }
  const inside = typeof offset === "number" && Number.isInteger(offset) && offset >= 0;
  const available = Math.floor(storage.bytes / dtypeBytes[dtype]);
  const last = shape.reduce((index, extent, axis) => index + (extent - 1) * (strides[axis] as number), Number(offset));
  if (!inside || (!shape.includes(0) && last >= available)) {
    throw damaged(
      file,
      "tensor_out_of_storage",
      `a tensor of shape [${shape.join(", ")}], strides [${strides.join(", ")}] and offset ${glimpse(offset)} lies outside its storage`,
      { expected: `elements inside the ${available} of storage "${storage.key.slice(0, 100)}"` },
    );
  }
}
