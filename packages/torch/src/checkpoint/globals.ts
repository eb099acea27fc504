/**
 * Everything a checkpoint may name, one row each, by exact module and name. Nothing is looked up anywhere else and nothing of Python
 * is executed: a row is either a constant, or a few lines of ours that make plain data out of plain data.
 *
 * Opaque classes are those whose pickles are data that hang beside a model (constructor arguments and attributes). These are parsed
 * under the same rules as everything else, then dropped; the class's name remains.
 */
import type { Machine } from "./pickle-machine.js";
import { type Described, OpaqueObject, StorageType, TorchDtype } from "./pickle-values.js";
import * as python from "./python-rows.js";
import * as tensors from "./tensor-rows.js";

/** A function or class that may be called: arguments in, value out. */
export type Call = (args: readonly Described[], machine: Machine) => Described;

/** A function or class of the table. Left in a result, it is its name. */
export class CallableRow extends OpaqueObject {
  constructor(
    className: string,
    readonly call: Call,
    /** Whether objects of it may be made without a call, and be given attributes. */
    readonly isOpaque: boolean,
  ) {
    super(className);
  }
}

const calls: Readonly<Record<string, Readonly<Record<string, Call>>>> = {
  collections: {
    OrderedDict: python.dictionary,
    defaultdict: python.defaultDictionary,
    Counter: python.counter,
  },
  builtins: {
    dict: python.dictionary,
    set: python.set,
    frozenset: python.set,
    bytes: python.bytes,
    bytearray: python.bytes,
  },
  _codecs: { encode: python.encode },
  torch: { Size: tensors.size, device: tensors.device },
  "torch._utils": {
    _rebuild_tensor: tensors.rebuildTensor,
    _rebuild_tensor_v2: tensors.rebuildTensor,
    _rebuild_tensor_v3: tensors.rebuildTensorV3,
    _rebuild_parameter: tensors.rebuildParameter,
    _rebuild_parameter_with_state: tensors.rebuildParameter,
  },
};

const schedulers =
  "StepLR MultiStepLR ConstantLR LinearLR ExponentialLR PolynomialLR CosineAnnealingLR CosineAnnealingWarmRestarts OneCycleLR ReduceLROnPlateau";
const paths = "PosixPath WindowsPath PurePosixPath PureWindowsPath";

/** Module → names. */
const opaqueClasses: Readonly<Record<string, string>> = {
  "torch.optim": "Adafactor Muon",
  "torch.optim.adadelta": "Adadelta",
  "torch.optim.adagrad": "Adagrad",
  "torch.optim.adam": "Adam",
  "torch.optim.adamax": "Adamax",
  "torch.optim.adamw": "AdamW",
  "torch.optim.asgd": "ASGD",
  "torch.optim.lbfgs": "LBFGS",
  "torch.optim.nadam": "NAdam",
  "torch.optim.radam": "RAdam",
  "torch.optim.rmsprop": "RMSprop",
  "torch.optim.rprop": "Rprop",
  "torch.optim.sgd": "SGD",
  "torch.optim.sparse_adam": "SparseAdam",
  "torch.optim.lr_scheduler": schedulers,
  "torch.cuda.amp.grad_scaler": "GradScaler _refresh_per_optimizer_state",
  "torch.amp.grad_scaler": "GradScaler _refresh_per_optimizer_state",
  // A metric that was saved as it came out of NumPy.
  numpy: "dtype ndarray",
  "numpy.core.multiarray": "scalar _reconstruct",
  "numpy._core.multiarray": "scalar _reconstruct",
  argparse: "Namespace",
  pathlib: paths,
  "pathlib._local": paths,
  // Types that appear as themselves, for instance as what a defaultdict makes.
  builtins: "int float complex str bool list tuple object",
};

/** Storage classes: PyTorch's name of the elements, and their bytes. Those without a `Dtype` of ours can be skipped, not read. */
const storages: Readonly<Record<string, readonly [elements: string, bytes: number]>> = {
  DoubleStorage: ["float64", 8],
  FloatStorage: ["float32", 4],
  HalfStorage: ["float16", 2],
  BFloat16Storage: ["bfloat16", 2],
  LongStorage: ["int64", 8],
  IntStorage: ["int32", 4],
  ShortStorage: ["int16", 2],
  CharStorage: ["int8", 1],
  ByteStorage: ["uint8", 1],
  BoolStorage: ["bool", 1],
  ComplexDoubleStorage: ["complex128", 16],
  ComplexFloatStorage: ["complex64", 8],
  QInt8Storage: ["qint8", 1],
  QUInt8Storage: ["quint8", 1],
  QInt32Storage: ["qint32", 4],
};

const dtypes =
  "float64 float32 float16 bfloat16 int64 int32 int16 int8 uint8 bool uint16 uint32 uint64 complex32 complex64 complex128" +
  " float8_e4m3fn float8_e5m2 float8_e4m3fnuz float8_e5m2fnuz qint8 quint8 qint32";

/** Modules that had another name in Python 2, which pickles of protocol 2 still use. */
const formerNames: Readonly<Record<string, string>> = { builtins: "__builtin__" };

/** All rows, by "module name". */
export const globals: ReadonlyMap<string, Described> = new Map(allRows());

/** For pickles that must not name anything. */
export const noGlobals: ReadonlyMap<string, Described> = new Map();

function* allRows(): Generator<[string, Described]> {
  for (const [module, rows] of Object.entries(calls)) {
    for (const [name, call] of Object.entries(rows))
      yield* under(module, name, new CallableRow(`${module}.${name}`, call, false));
  }
  for (const [module, names] of Object.entries(opaqueClasses)) {
    for (const name of names.split(" ")) {
      const className = `${module}.${name}`;
      yield* under(
        module,
        name,
        new CallableRow(className, (_, machine) => machine.made(new OpaqueObject(className)), true),
      );
    }
  }
  for (const [name, [elements, bytes]] of Object.entries(storages)) {
    yield* under("torch", name, new StorageType(`torch.${name}`, elements, bytes));
  }
  const untyped = new StorageType("torch.UntypedStorage", undefined, 1);
  for (const module of ["torch", "torch.storage"]) yield* under(module, "UntypedStorage", untyped);
  for (const name of dtypes.split(" ")) yield* under("torch", name, new TorchDtype(name));
}

function* under(module: string, name: string, row: Described): Generator<[string, Described]> {
  yield [`${module} ${name}`, row];
  const former = formerNames[module];
  if (former !== undefined) yield [`${former} ${name}`, row];
}
