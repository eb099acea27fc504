export { colourOf, hexOf, labelColours, type Rgb } from "./colours.js";
export {
  type CompareOptions,
  type CountOptions,
  type Counts,
  compareLabels,
  countOverlap,
  dice,
  jaccard,
  type LabelOrRegion,
  type OverlapScores,
  overlapScores,
  precision,
  recall,
  specificity,
  volumeSimilarity,
  voxelMl,
} from "./overlap.js";
export { drawComparison, drawOverlay, type OverlayOptions } from "./overlay.js";
export { type MosaicOptions, mosaic, type Picture, toPng } from "./picture.js";
export type { PlotSeries, StripPlot } from "./plot.js";
export { type Headline, type Report, type ReportCase, type ReportPicture, renderReport } from "./report.js";
export { type ScoreTableOptions, scoreGain, scoreTable } from "./score-table.js";
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
export {
  nanMean,
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
  isNumeric,
  renderCsv,
  renderMarkdown,
  renderText,
  type Spread,
  type Table,
  tableToJson,
} from "./table.js";
