/** Which part of a checkpoint is the model: the dictionary of tensors itself, or the one that a training script wrapped. */
import { type Described, inWords, TensorDescription } from "./pickle-values.js";
import { damaged, glimpse } from "./problems.js";

/** Under which key scripts put the state dict, in the order in which they are tried. */
const wrappers = ["model", "state_dict"] as const;

export interface FoundStateDict {
  /** The key it was under; `undefined` when the file is the state dict. */
  readonly wrapper: string | undefined;
  /** In the file's order. */
  readonly tensors: ReadonlyMap<string, TensorDescription>;
  /** What else is in the file. */
  readonly beside: readonly (readonly [name: string, value: Described])[];
}

/** @throws CheckpointError that says what was found instead */
export function findStateDict(file: string, root: Described): FoundStateDict {
  const bare = asStateDict(root);
  if (bare !== undefined) return { wrapper: undefined, tensors: bare, beside: [] };
  if (root instanceof Map) {
    const entries = root as ReadonlyMap<Described, Described>;
    for (const wrapper of wrappers) {
      const tensors = asStateDict(entries.get(wrapper));
      if (tensors === undefined) continue;
      const others = [...entries].filter(([key]) => key !== wrapper);
      return { wrapper, tensors, beside: others.map(([key, value]) => [nameOf(key), value] as const) };
    }
  }
  throw damaged(file, "no_state_dict", `it holds ${whatElse(root)}`, {
    expected: `a dictionary of tensors, alone or under ${wrappers.map((key) => `"${key}"`).join(" or ")}`,
    hint: "save the weights alone: torch.save(model.state_dict(), …)",
  });
}

function asStateDict(value: Described | undefined): ReadonlyMap<string, TensorDescription> | undefined {
  if (!(value instanceof Map) || value.size === 0) return undefined;
  for (const [key, entry] of value as ReadonlyMap<Described, Described>) {
    if (typeof key !== "string" || !(entry instanceof TensorDescription)) return undefined;
  }
  return value as ReadonlyMap<string, TensorDescription>;
}

function nameOf(key: Described): string {
  return typeof key === "string" ? key : typeof key === "number" ? String(key) : inWords(key);
}

/** Of a dictionary that is no state dict, the entries that are in the way. */
function whatElse(root: Described): string {
  if (!(root instanceof Map) || root.size === 0) return inWords(root);
  const inner = wrappers.map((key) => root.get(key)).find((value) => value instanceof Map && value.size > 0);
  const entries = [...((inner ?? root) as ReadonlyMap<Described, Described>)];
  const odd = entries
    .filter(([key, value]) => typeof key !== "string" || !(value instanceof TensorDescription))
    .slice(0, 4);
  return `a dictionary with ${odd.map(([key, value]) => `${glimpse(nameOf(key))} (${inWords(value)})`).join(", ")}`;
}
