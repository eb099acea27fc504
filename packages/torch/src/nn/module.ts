/**
 * `Module`: a network as an object whose fields are its parameters and parts, found by walking the fields in the order they were
 * declared. The names in files are PyTorch's: a field `patchEmbed` is `patch_embed` there; `stateNames` lists the exceptions.
 */
import { CheckpointError } from "@rfmedsam/base";
import { type Dtype, isFloating } from "../dtype.js";
import { noGrad } from "../modes.js";
import { scope } from "../scope.js";
import { type Device, Tensor } from "../tensor.js";

/** A trainable tensor of a module. It takes over the tensor it is made from and lives outside all scopes. */
export class Parameter extends Tensor {
  constructor(source: Tensor, { requiresGrad = true } = {}) {
    super(source.release());
    this.keep();
    this.requiresGrad = requiresGrad;
  }
}

/** A tensor that is saved with the module but not trained. */
export class Buffer extends Tensor {
  constructor(source: Tensor) {
    super(source.release());
    this.keep();
  }
}

export type State = ReadonlyMap<string, Tensor>;

export interface LoadOptions {
  /** Names that the file may lack (the module keeps what it has), e.g. adapters added to official weights. */
  readonly mayMiss?: (name: string) => boolean;
  /** Names that the file may have in excess. */
  readonly mayExceed?: (name: string) => boolean;
  /** Where the weights come from, for messages. */
  readonly file?: string;
  /**
   * Take the tensors themselves, not copies of their values: the module owns them afterwards, and the given ones count as freed. So a
   * module built on "meta" gets weights that are mapped from a file without any copy. Its parameters are new tensors: make optimisers
   * later, and let no tensor stand under two names.
   */
  readonly assign?: boolean;
}

export abstract class Module {
  training = true;
  /** Official names that the camelCase rule does not give: `{ fieldName: "official_name" }`. */
  protected readonly stateNames: Readonly<Record<string, string>> = {};

  /** Parameters, buffers and parts, each with its official name. */
  private *fields(): Generator<[string, Parameter | Buffer | Module]> {
    for (const [field, value] of this.ownFields()) {
      if (value instanceof Parameter || value instanceof Buffer || value instanceof Module) {
        yield [this.stateNames[field] ?? snakeCase(field), value];
      }
    }
  }

  /** The fields to walk; containers override it. */
  protected ownFields(): Iterable<[string, unknown]> {
    return Object.entries(this);
  }

  /** Every tensor that is saved, by its official dotted name. The tensors are the module's own, not copies. */
  stateDict(): Map<string, Parameter | Buffer> {
    const out = new Map<string, Parameter | Buffer>();
    this.collect("", out);
    return out;
  }

  private collect(prefix: string, out: Map<string, Parameter | Buffer>): void {
    for (const [name, value] of this.fields()) {
      if (value instanceof Module) value.collect(`${prefix}${name}.`, out);
      else out.set(prefix + name, value);
    }
  }

  /** Parameters by name; one that two parts share appears once, under its first name. */
  namedParameters(): Map<string, Parameter> {
    const out = new Map<string, Parameter>();
    const seen = new Set<Parameter>();
    for (const [name, value] of this.stateDict()) {
      if (!(value instanceof Parameter) || seen.has(value)) continue;
      seen.add(value);
      out.set(name, value);
    }
    return out;
  }

  /** All parameters, each once. */
  parameters(): Parameter[] {
    return [...this.namedParameters().values()];
  }

  /** This module and all its parts, outermost first. */
  *modules(): Generator<Module> {
    yield this;
    for (const [, value] of this.fields()) if (value instanceof Module) yield* value.modules();
  }

  /** Number of elements of all parameters. */
  parameterCount(): number {
    return this.parameters().reduce((count, parameter) => count + parameter.numel, 0);
  }

  /**
   * Copies saved values into the module (or takes them over: `assign`).
   *
   * @throws CheckpointError that lists missing, unexpected and reshaped names
   */
  loadStateDict(state: State, { mayMiss, mayExceed, file, assign = false }: LoadOptions = {}): void {
    const own = this.stateDict();
    const missing = [...own.keys()].filter((name) => !state.has(name) && !mayMiss?.(name));
    const unexpected = [...state.keys()].filter((name) => !own.has(name) && !mayExceed?.(name));
    const reshaped: string[] = [];
    for (const [name, target] of own) {
      const source = state.get(name);
      if (source !== undefined && !sameShape(source.shape, target.shape)) {
        reshaped.push(`${name} is [${source.shape.join(", ")}], the model has [${target.shape.join(", ")}]`);
      }
    }
    const faults = [
      listed("missing", missing),
      listed("unexpected", unexpected),
      listed("of another shape", reshaped),
    ].filter(Boolean);
    if (faults.length > 0) {
      throw new CheckpointError({
        file,
        found: `the weights do not fit the model (${faults.join("; ")})`,
        hint: "these weights belong to another model or configuration",
      });
    }
    noGrad(() => {
      for (const [name, target] of own) {
        const source = state.get(name);
        if (source === undefined) continue;
        if (assign) takeOver(target, source);
        else target.copy_(source);
      }
    });
  }

  /** Puts this module and its parts into training (dropout acts) or out of it. */
  train(training = true): this {
    for (const module of this.modules()) module.training = training;
    return this;
  }

  /** `train(false)`. */
  eval(): this {
    return this.train(false);
  }

  /** Moves parameters and buffers (with gradients), or changes their element type if it is a floating one, in place. */
  to(options: { readonly device?: Device; readonly dtype?: Dtype }): this {
    noGrad(() => {
      for (const tensor of new Set(this.stateDict().values())) {
        const fits = isFloating(tensor.dtype) ? options : { ...options, dtype: tensor.dtype };
        scope(() => {
          const gradient = tensor.grad;
          tensor.grad = undefined;
          tensor.replaceData(tensor.to(fits));
          tensor.grad = gradient?.to(fits);
        });
      }
    });
    return this;
  }

  /** Switches gradients of all parameters on or off. */
  requireGrad(wanted: boolean): this {
    for (const parameter of this.parameters()) parameter.requiresGrad = wanted;
    return this;
  }

  /** Takes every parameter's gradient away. */
  zeroGrad(): void {
    for (const parameter of this.parameters()) parameter.grad = undefined;
  }

  /** Frees parameters and buffers. The module cannot be used afterwards. */
  free(): void {
    for (const tensor of this.stateDict().values()) tensor.free();
  }
}

/** Parts in a row, named by their index: `0`, `1`, … */
export class ModuleList<T extends Module = Module> extends Module implements Iterable<T> {
  readonly items: readonly T[];

  constructor(items: Iterable<T>) {
    super();
    this.items = [...items];
  }

  protected override *ownFields(): Iterable<[string, unknown]> {
    for (const [index, item] of this.items.entries()) yield [String(index), item];
  }

  get length(): number {
    return this.items.length;
  }

  at(index: number): T {
    const item = this.items.at(index);
    if (item === undefined) throw new RangeError(`part ${index} of ${this.items.length} was asked for`);
    return item;
  }

  [Symbol.iterator](): Iterator<T> {
    return this.items[Symbol.iterator]();
  }
}

/** A module that turns one tensor into one tensor. */
export abstract class Layer extends Module {
  abstract forward(x: Tensor): Tensor;
}

/** Layers applied one after the other, named by their index. */
export class Sequential extends Layer {
  readonly layers: readonly Layer[];

  constructor(...layers: readonly Layer[]) {
    super();
    this.layers = layers;
  }

  protected override *ownFields(): Iterable<[string, unknown]> {
    for (const [index, layer] of this.layers.entries()) yield [String(index), layer];
  }

  forward(x: Tensor): Tensor {
    return this.layers.reduce((value, layer) => layer.forward(value), x);
  }
}

/** `source` is freed: what was computed before it (a graph) and another element type stay behind. */
function takeOver(target: Tensor, source: Tensor): void {
  target.become(source.dtype === target.dtype ? source.detach() : source.to({ dtype: target.dtype }));
  source.free();
}

function snakeCase(field: string): string {
  return field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((extent, i) => extent === b[i]);
}

function listed(what: string, names: readonly string[], most = 5): string | undefined {
  if (names.length === 0) return undefined;
  const more = names.length > most ? `, … ${names.length - most} more` : "";
  return `${what}: ${names.slice(0, most).join(", ")}${more}`;
}
