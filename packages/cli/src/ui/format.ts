/** Numbers and progress as a person reads them. */
import type { ProgressEvent } from "@rfmedsam/base";

/** `0:07`, `12:30`, `1:02:30`. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (value: number) => String(value).padStart(2, "0");
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** `812 B`, `14 MB`, `1.4 GB` (powers of 1024). */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let [value, unit] = [bytes, 0];
  while (value >= 1024 && unit < units.length - 1) [value, unit] = [value / 1024, unit + 1];
  return `${value < 10 && unit > 0 ? value.toFixed(1) : value.toFixed(0)} ${units[unit]}`;
}

/** `3.2/s`, or `2.1 s each` when it takes longer than a second. */
export function formatRate(perSecond: number): string {
  if (perSecond >= 1) return `${perSecond >= 100 ? perSecond.toFixed(0) : perSecond.toFixed(1)}/s`;
  const each = 1 / perSecond;
  return each >= 100 ? `${formatDuration(each)} each` : `${each.toFixed(1)} s each`;
}

/** `loss 0.312, stage1 0.2`. */
export function formatValues(values: ProgressEvent["values"]): string {
  return Object.entries(values ?? {})
    .map(([name, value]) => `${name} ${formatNumber(value)}`)
    .join(", ");
}

/** Three significant digits, without an exponent where that reads well. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size >= 1e6 || (size > 0 && size < 1e-4)) return value.toExponential(2);
  return size >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}

/** Where a stage stands. */
export interface StageView extends ProgressEvent {
  /** Seconds since the stage began. */
  readonly elapsed: number;
  /** Units per second; undefined until two events of the stage are known. */
  readonly rate?: number | undefined;
}

const percentOf = ({ done, total }: ProgressEvent) => (total > 0 ? Math.min(1, done / total) : 1);

/** What is told beside the bar: `72/160  3.2/s  0:27 left`. */
function figures({ done, total, rate, elapsed }: StageView): string[] {
  const finished = done >= total;
  return [
    `${done}/${total}`,
    ...(rate === undefined ? [] : [formatRate(rate)]),
    ...(finished
      ? [formatDuration(elapsed)]
      : rate === undefined
        ? []
        : [`${formatDuration((total - done) / rate)} left`]),
  ];
}

const barWidth = 20;

/** One line no wider than `width`: figures of the work go first when there is no room, then the bar. */
export function progressLine(view: StageView, width: number): string {
  const share = percentOf(view);
  const filled = Math.round(share * barWidth);
  const bar = "█".repeat(filled) + "░".repeat(barWidth - filled);
  const percent = `${Math.floor(share * 100)} %`.padStart(5);
  const values = formatValues(view.values);
  const tries = [
    [view.stage, bar, percent, ...figures(view), ...(values === "" ? [] : [values])],
    [view.stage, bar, percent, ...figures(view)],
    [view.stage, percent, ...figures(view)],
    [view.stage, percent],
  ].map((parts) => parts.join("  "));
  const line = tries.find((text) => text.length <= width) ?? tries.at(-1)!;
  return line.length <= width ? line : `${line.slice(0, Math.max(0, width - 1))}…`;
}

/** The same for a log file. */
export function progressSentence(view: StageView): string {
  const values = formatValues(view.values);
  const percent = `${Math.floor(percentOf(view) * 100)} %`;
  return `${view.stage}: ${[percent, ...figures(view), ...(values === "" ? [] : [values])].join(", ")}`;
}
