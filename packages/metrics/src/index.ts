export type { LabelOrRegion } from "./classes.js";
export { colourOf, hexOf, labelColours, type Rgb } from "./colours.js";
export { type CompareOptions, compareLabels, type LabelScores, type MetricOptions, voxelMl } from "./compare.js";
export { type LinePlot, linesFile, type PlottedCurve } from "./line-plot.js";
export {
  type ChosenMetric,
  chooseMetrics,
  defaultMetrics,
  defaultTolerances,
  type MaskPair,
  type Metric,
  type MetricName,
  metricNames,
  metrics,
  parseMetricNames,
} from "./metrics.js";
export {
  type CountOptions,
  type Counts,
  countOverlap,
  dice,
  jaccard,
  precision,
  recall,
  specificity,
  volumeSimilarity,
} from "./overlap.js";
export { drawComparison, drawOutlines, drawOverlay, type Outline, type OverlayOptions } from "./overlay.js";
export { type MosaicOptions, mosaic, type Picture, toPng } from "./picture.js";
export type { PlotSeries, StripPlot } from "./plot.js";
export { type Headline, type Report, type ReportCase, type ReportPicture, renderReport } from "./report.js";
export { type ScoreTableOptions, scoreGain, scoreTable, spreadOf } from "./score-table.js";
export {
  abdomenWindow,
  informativeSlice,
  percentileWindow,
  type Slice,
  sliceCount,
  sliceOf,
  type View,
  type Window,
} from "./slices.js";
export { holm } from "./statistics/holm.js";
export { comparePaired, falseOrganLegend, type PairedDifference, type PairedSummary } from "./statistics/paired.js";
export { type SignedRankTest, signedRankTest, type ZeroRule } from "./statistics/wilcoxon.js";
export {
  finiteMean,
  intervalInWords,
  quantile,
  type Scores,
  type Statistics,
  type Summary,
  type SummaryOptions,
  summarise,
} from "./summary.js";
export { type Border, type Borders, elementBorders, voxelBorders } from "./surface/borders.js";
export { type SurfaceDefinition, type SurfaceScores, surfaceDefinitions, surfaceScores } from "./surface/distances.js";
export type { Mask } from "./surface/mask.js";
export {
  type Cell,
  type Column,
  columnTitle,
  formatCell,
  type Interval,
  isNumeric,
  renderCsv,
  renderMarkdown,
  renderText,
  type Spread,
  type Table,
  tableToJson,
} from "./table.js";
