/**
 * Writes src/generated/operators.ts from operators.txt and libtorch's own schemas.
 *
 * The rule: arguments without a default are positional, those with one go by name into a last `options` object; a nullable
 * positional argument at the end may be left out. An operator whose first argument is `self` is a method of `Tensor`, any other a
 * function of `F`. Arguments that mean nothing here (layout, pinned memory, generators, output tensors) keep their defaults.
 *
 * `--check` writes nothing and fails if the file is not what would be written.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const here = join(fileURLToPath(import.meta.url), "..", "..");
const native = createRequire(import.meta.url)(join(here, "build/engine.node"));
const target = join(here, "src/generated/operators.ts");

const camel = (name) => name.replace(/^_+/, "").replace(/_([a-z0-9])/g, (_, letter) => letter.toUpperCase());

/** TypeScript type and conversion of each schema type; `x` is the JavaScript expression. */
const types = {
  Tensor: { type: "Tensor", convert: (x) => `${x}.handle`, convertNullable: (x) => `unwrap(${x})` },
  "Tensor[]": { type: "readonly Tensor[]", convert: (x) => `unwrapAll(${x})` },
  "Tensor?[]": { type: "readonly (Tensor | null)[]", convert: (x) => `unwrapEach(${x})` },
  int: { type: "number" },
  SymInt: { type: "number" },
  "int[]": { type: "readonly number[]" },
  "SymInt[]": { type: "readonly number[]" },
  float: { type: "number" },
  "float[]": { type: "readonly number[]" },
  bool: { type: "boolean" },
  "bool[]": { type: "readonly boolean[]" },
  str: { type: "string" },
  Scalar: { type: "Scalar" },
  "Scalar[]": { type: "readonly Scalar[]" },
  ScalarType: { type: "Dtype", convert: (x) => `dtypeCode(${x})` },
  Device: { type: "string" },
};
const meaningless = new Set(["Layout", "Generator", "MemoryFormat"]);
const unusedNames = new Set(["pin_memory", "grad_scale", "found_inf"]);
/** Tensor arguments that may also be plain numbers. */
const operands = new Set(["other", "exponent"]);

function parseSchema(text) {
  const [, name, args, returns] = /^([^(]+)\((.*)\) -> (.*)$/.exec(text);
  return {
    name,
    args: splitTop(args)
      .filter((a) => a !== "*")
      .map(parseArgument),
    returns,
  };
}

function splitTop(text) {
  const parts = [];
  let depth = 0;
  let piece = "";
  for (const char of text) {
    if ("([".includes(char)) depth++;
    if (")]".includes(char)) depth--;
    if (char === "," && depth === 0) {
      parts.push(piece.trim());
      piece = "";
    } else piece += char;
  }
  if (piece.trim()) parts.push(piece.trim());
  return parts;
}

function parseArgument(text) {
  const [, type, name, fallback] = /^(.+?) ([A-Za-z0-9_]+)(?:=(.*))?$/.exec(text);
  const plain = type.replace(/\([^)]*\)/g, "");
  const nullable = plain.endsWith("?");
  const base = (nullable ? plain.slice(0, -1) : plain).replace(/\[\d+\]/, "[]");
  const broadcast = /\[\d+\]/.test(plain);
  return { name, base, nullable, broadcast, fallback, written: type.includes("!") };
}

function typeOf(arg) {
  const known = types[arg.base];
  if (!known) throw new Error(`no TypeScript type for ${arg.base} ${arg.name}`);
  if (arg.base === "Tensor" && operands.has(arg.name)) return "Operand";
  return arg.broadcast ? `number | ${known.type}` : known.type;
}

function expressionOf(arg, x) {
  const known = types[arg.base];
  if (arg.base === "Tensor" && operands.has(arg.name)) return `unwrapOperand(${x})`;
  if (arg.optionalHere && known.convertNullable) return known.convertNullable(x);
  if (arg.optionalHere && known.convert && arg.base !== "ScalarType") return `${x} && ${known.convert(x)}`;
  return known.convert ? known.convert(x) : x;
}

function render(line) {
  const [, given, full] = /^(?:(\w+)\s*=\s*)?(\S+)$/.exec(line);
  const [, qualified, overload = ""] = /^([^.]+)(?:\.(.+))?$/.exec(full);
  const text = native.schema(qualified, overload);
  const schema = parseSchema(text);
  const name = given ?? camel(qualified.replace("aten::", ""));
  const isMethod = schema.args[0]?.name === "self" && schema.args[0].base === "Tensor" && name !== "where";
  const constant = `$${name}`;

  const positional = [];
  const optional = [];
  const call = schema.args.map((arg, index) => {
    if (isMethod && index === 0) return "this.handle";
    if (meaningless.has(arg.base) || unusedNames.has(arg.name) || !types[arg.base]) {
      if (arg.fallback === undefined && !arg.nullable)
        throw new Error(`${full}: ${arg.name} (${arg.base}) cannot be given`);
      return "undefined";
    }
    const label = camel(arg.name);
    if (arg.fallback !== undefined) {
      optional.push(arg);
      return expressionOf({ ...arg, optionalHere: true }, `options?.${label}`);
    }
    positional.push(arg);
    return expressionOf({ ...arg, optionalHere: arg.nullable }, label);
  });
  while (call.at(-1) === "undefined") call.pop();

  const parameters = positional.map((arg, index) => {
    const trailing = arg.nullable && positional.slice(index).every((later) => later.nullable);
    const type = typeOf(arg);
    return `${camel(arg.name)}${trailing ? "?" : ""}: ${type}${arg.nullable ? " | null" : ""}`;
  });
  if (optional.length > 0) {
    const fields = optional.map((arg) => `readonly ${camel(arg.name)}?: ${typeOf(arg)} | undefined`);
    parameters.push(`options?: { ${fields.join("; ")} }`);
  }
  const result = resultOf(schema, isMethod, name);
  const invocation = `${constant}(${call.join(", ")})`;
  const lines = [
    `/** \`${text}\` */`,
    `${isMethod ? "" : "export function "}${name}(${parameters.join(", ")}): ${result.type} {`,
  ];
  lines.push(...result.body(invocation).map((l) => `  ${l}`), "}");
  return { isMethod, name, declaration: `const ${constant} = operator("${qualified}", "${overload}");`, lines };
}

function resultOf(schema, isMethod, name) {
  const returns = schema.returns.replace(/\([a-z][^)]*\)/g, "").trim();
  if (schema.args.some((arg) => arg.written && arg.name === "self") && isMethod && returns === "Tensor") {
    return { type: "this", body: (call) => [`${call};`, "return this;"] };
  }
  if (returns === "Tensor") return { type: "Tensor", body: (call) => [`return wrap(${call});`] };
  if (returns === "Tensor[]") return { type: "Tensor[]", body: (call) => [`return wrapAll(${call});`] };
  if (returns === "()") return { type: "void", body: (call) => [`${call};`] };
  if (returns === "bool") return { type: "boolean", body: (call) => [`return ${call} as boolean;`] };
  const parts = splitTop(returns.replace(/^\(|\)$/g, ""));
  if (parts.length > 1 && parts.every((part) => part.startsWith("Tensor"))) {
    const tuple = `[${parts.map(() => "Tensor").join(", ")}]`;
    return { type: tuple, body: (call) => [`return wrapAll(${call}) as ${tuple};`] };
  }
  throw new Error(`${name}: no rule for results of type ${schema.returns}`);
}

function generate() {
  const rows = readFileSync(join(here, "operators.txt"), "utf8")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map(render);
  const indent = (lines) => lines.map((line) => `  ${line}`).join("\n");
  return `// Written by tools/generate-operators.mjs from operators.txt and libtorch's schemas: change those, then \`make operators\`.
import type { Dtype } from "../dtype.js";
import { operator } from "../native.js";
import type { Tensor } from "../tensor.js";
import { dtypeCode, type Operand, type Scalar, unwrap, unwrapAll, unwrapEach, unwrapOperand, wrap, wrapAll } from "../wrap.js";

${rows.map((row) => row.declaration).join("\n")}

/** The operators whose first argument is the tensor itself. */
export abstract class TensorOperators {
  abstract readonly handle: number;

${rows
  .filter((row) => row.isMethod)
  .map((row) => indent(row.lines))
  .join("\n\n")}
}

${rows
  .filter((row) => !row.isMethod)
  .map((row) => row.lines.join("\n"))
  .join("\n\n")}
`;
}

const text = generate();
if (process.argv.includes("--check")) {
  if (readFileSync(target, "utf8") !== text) {
    console.error("src/generated/operators.ts is not what operators.txt and this libtorch give: run `make operators`");
    process.exit(1);
  }
} else {
  writeFileSync(target, text);
  console.log(`wrote ${text.split("\n").length} lines`);
}
