/** The tables of a training's page. Each is absent where its facts are not known yet. */
import { type Cell, comparePaired, metrics, type Scores, scoreTable, summarise, type Table } from "@rfmedsam/metrics";
import { describeGateRule } from "@rfmedsam/segmenter";
import { refinerPhase } from "../plan/memory/refiner.js";
import { gibibyte } from "../plan/memory/sheet.js";
import { step0Phase } from "../plan/memory/step0.js";
import type { RunFacts } from "./facts.js";
import type { CurvePoint } from "./points.js";

/** Steps that a stage is to make; undefined where nobody knows. */
export type Planned = Readonly<Record<string, number | undefined>>;

/** Validation Dice as scores of one stage. */
function scoresOfStage(validation: NonNullable<RunFacts["validation"]>, stage: string): Scores {
  const cases = [...new Set(validation.map((row) => row.case))];
  const labels = [...new Set(validation.map(({ label }) => label))];
  const values = new Map(validation.map((row) => [`${row.case}\n${row.label}`, row.dice[stage] ?? Number.NaN]));
  return {
    cases,
    labels,
    values: cases.map((id) => labels.map((label) => values.get(`${id}\n${label}`) ?? Number.NaN)),
  };
}

const stagesOf = (validation: NonNullable<RunFacts["validation"]>) => [
  ...new Set(validation.flatMap(({ dice }) => Object.keys(dice))),
];

/** Dice per label and stage, with the interval of each mean. */
export function validationTable({ validation = [] }: RunFacts): Table | undefined {
  if (validation.length === 0) return undefined;
  const summaries = stagesOf(validation).map((name) => ({
    name,
    summary: summarise(scoresOfStage(validation, name), { absentLabels: "skip" }),
  }));
  const means = scoreTable(summaries, { rows: "label" });
  const intervals = (row: number): Cell[] =>
    summaries.map(({ summary }) => {
      const { low, high } = summary.perLabel[row] ?? summary.foreground;
      return { low, high };
    });
  return {
    title: summaries.length === 1 ? "Dice of step 0 on cases it has not seen" : "Dice of the validation cases",
    columns: [...means.columns, ...summaries.map(({ name }) => ({ name: `${name}, 95 % interval`, digits: 3 }))],
    rows: means.rows.map((row, at) => [...row, ...intervals(at)]),
    footerRows: 1,
    legend: ["Mean ± standard deviation over the cases; intervals of the means by the bootstrap over cases."],
  };
}

/** Every label by the stage that was chosen for it; step 0 where none was. */
export function chosenScores({ validation = [], choices = [] }: RunFacts): Scores {
  const stageOf = new Map(choices.map(({ label, stage }) => [label, stage]));
  const byStage = new Map(stagesOf(validation).map((stage) => [stage, scoresOfStage(validation, stage)]));
  const step0 = scoresOfStage(validation, "step0");
  const chosen = (c: number, l: number) => byStage.get(stageOf.get(step0.labels[l]!) ?? "step0")?.values[c]?.[l];
  return { ...step0, values: step0.values.map((row, c) => row.map((_, l) => chosen(c, l) ?? Number.NaN)) };
}

/** What was chosen for each label, and what that gains over step 0 on the validation cases. */
export function gainTable({ validation = [], choices = [] }: RunFacts): Table | undefined {
  if (choices.length === 0) return undefined;
  const gains =
    validation.length > 0
      ? comparePaired(scoresOfStage(validation, "step0"), chosenScores({ validation, choices }), {
          best: metrics.dice.best,
        })
      : undefined;
  const rows = choices.map(({ label, stage, gate, largestComponent, reason }) => {
    const gain = gains?.perLabel.find((each) => each.label === label);
    return [
      label,
      stage,
      gate === undefined || gate === null ? "none" : describeGateRule(gate),
      largestComponent ? "kept alone" : "",
      gain?.mean ?? Number.NaN,
      gain ? { low: gain.low, high: gain.high } : null,
      gain?.count ?? 0,
      reason ?? (gain === undefined ? "nothing was measured" : "not recorded; see the Dice of the stages"),
    ];
  });
  return {
    title: "What answers for each label",
    columns: [
      { name: "label" },
      { name: "stage" },
      { name: "gate" },
      { name: "largest component" },
      { name: "gain over step 0", digits: 4 },
      { name: "95 % interval", digits: 4 },
      { name: "cases", digits: 0 },
      { name: "why" },
    ],
    rows,
    legend: ["Gains of the stages alone; gate and largest component come on top of them."],
  };
}

/** What a run was expected to take, and what it took, where somebody knows. */
export interface RunMemory {
  /** Bytes of each phase. */
  readonly expected?: RunFacts["memory"];
  /** Bytes held at most over all sessions that came to an end: by the process, and on its graphics card. */
  readonly peak?: { readonly host?: number | undefined; readonly device?: number | undefined } | undefined;
}

/** The planner's phase that a recorded stage is. */
const phaseOf = (stage: string): string => (stage.startsWith("step 0") ? step0Phase : refinerPhase);

const known = (value: number | undefined): number[] => (value === undefined ? [] : [value]);

/** The largest, in GiB; NaN for none. */
const gibibytes = (bytes: readonly number[]): number =>
  bytes.length === 0 ? Number.NaN : Math.max(...bytes) / gibibyte;

/** Time and memory of every stage and of the whole run, and how far the run is. */
export function costTable(
  points: readonly CurvePoint[],
  planned: Planned,
  { expected = [], peak = {} }: RunMemory = {},
): { readonly table: Table | undefined; readonly steps: number; readonly seconds: number; readonly state: string } {
  const stages = [...new Set(points.map(({ stage }) => stage))];
  const rows = stages.map((stage) => {
    const own = points.filter((point) => point.stage === stage);
    const steps = own.reduce((sum, point) => sum + point.steps, 0);
    const seconds = own.reduce((sum, point) => sum + point.steps * point.seconds, 0);
    const memory = own.reduce((most, point) => Math.max(most, point.memory), 0);
    return { stage, done: own.at(-1)!.iteration, steps, seconds, memory };
  });
  const last = rows.at(-1);
  const ofPlanned = (stage: string, of: string) => (planned[stage] === undefined ? "" : `${of}${planned[stage]}`);
  const steps = rows.reduce((sum, row) => sum + row.steps, 0);
  const seconds = rows.reduce((sum, row) => sum + row.seconds, 0);
  const places = (["host", "device"] as const).filter(
    (place) => place === "host" || expected.some((each) => each.place === place),
  );
  /** Of one phase, or of all. */
  const predicted = (place: (typeof places)[number], phase?: string) =>
    gibibytes(
      expected
        .filter((each) => each.place === place && (phase === undefined || each.phase === phase))
        .map(({ bytes }) => bytes),
    );
  /** Of the process and, where there is one, of the graphics card: at most and predicted. @param most bytes */
  const memory = (most: Readonly<Record<(typeof places)[number], readonly number[]>>, phase?: string) =>
    places.flatMap((place) => [gibibytes(most[place]), predicted(place, phase)]);
  return {
    steps,
    seconds,
    state:
      last === undefined
        ? "no step was recorded yet"
        : `${last.stage}, step ${last.done}${ofPlanned(last.stage, " of ")}`,
    table:
      last === undefined && expected.length === 0
        ? undefined
        : {
            title: "Time and memory",
            columns: [
              { name: "stage" },
              { name: "steps", digits: 0 },
              { name: "planned", digits: 0 },
              { name: "a step", unit: "s", digits: 3 },
              { name: "all steps", unit: "min", digits: 1 },
              ...places
                .flatMap((place) => [`${memoryOf[place]} at most`, `${memoryOf[place]} predicted`])
                .map((name) => ({ name, unit: "GiB", digits: 2 })),
            ],
            rows: [
              ...rows.map((row) => [
                row.stage,
                row.done,
                planned[row.stage] ?? Number.NaN,
                row.seconds / row.steps,
                row.seconds / 60,
                ...memory({ host: [row.memory], device: [] }, phaseOf(row.stage)),
              ]),
              [
                "whole run",
                steps,
                Number.NaN,
                Number.NaN,
                seconds / 60,
                ...memory({
                  host: [...rows.map((row) => row.memory), ...known(peak.host)],
                  device: known(peak.device),
                }),
              ],
            ],
            footerRows: 1,
            legend: [memoryLegend],
          },
  };
}

const memoryOf = { host: "memory", device: "GPU memory" } as const;

const memoryLegend =
  "At most is what the process held of the computer's memory, files among it that the system takes back when it needs room, and what " +
  "libtorch held of a GPU. " +
  "Predicted is the fullest moment that the planner expects; that of the whole run may lie in preparing or predicting cases.";

/** The data set and what the planner made of it. */
export function dataTable({ dataset, plan, validationCases }: RunFacts): Table | undefined {
  const rows: [string, string][] = [
    ...(dataset === undefined
      ? []
      : ([
          ["data set", dataset.name],
          ...(dataset.cases === undefined ? [] : [["cases", String(dataset.cases)] as [string, string]]),
          ["channels", dataset.channels.join(", ")],
          ["labels", Object.keys(dataset.labels).join(", ")],
        ] as [string, string][])),
    ...(validationCases === undefined
      ? []
      : [["measured", `${validationCases.length}: ${validationCases.join(", ")}`] as [string, string]]),
    ...flattened(plan ?? {}),
  ];
  return rows.length === 0 ? undefined : keysAndValues("Data set and plan", rows);
}

export function configurationTable({ configuration }: RunFacts): Table | undefined {
  return configuration && keysAndValues("Configuration", flattened(configuration));
}

const keysAndValues = (title: string, rows: readonly [string, string][]): Table => ({
  title,
  columns: [{ name: "key" }, { name: "value" }],
  rows,
});

/** Nested keys with points between them; lists stay whole. */
function flattened(value: object, path = ""): [string, string][] {
  return Object.entries(value as Record<string, unknown>).flatMap(([key, inner]) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? flattened(inner, `${path}${key}.`)
      : [[`${path}${key}`, typeof inner === "string" ? inner : (JSON.stringify(inner) ?? "")] as [string, string]],
  );
}
