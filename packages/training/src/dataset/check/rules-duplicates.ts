/** Rules about cases that are the same: a case on both sides of a split makes every validation figure too good. */
import type { CaseSummary } from "./case-summary.js";
import { likeness } from "./image-summary.js";
import { type CheckedDataset, type Found, nameOf, type Rule } from "./rule.js";

/** Correlation of thumbnails. Different patients stay well below (registered, skull-stripped brains reach 0.97); copies in another type are above. */
const nearlyTheSame = 0.995;

const imageHash = ({ channels, images }: CaseSummary): string | undefined =>
  channels.length === 0 || channels.length < images.size ? undefined : channels.map(({ hash }) => hash).join(" ");

/** Cases that have a key in common, each list in order; keys of one case alone are left out. */
function groupsBy(cases: readonly CaseSummary[], key: (each: CaseSummary) => string | undefined): CaseSummary[][] {
  const groups = new Map<string, CaseSummary[]>();
  for (const each of cases) {
    const of = key(each);
    if (of !== undefined) groups.set(of, [...(groups.get(of) ?? []), each]);
  }
  return [...groups.values()].filter((group) => group.length > 1);
}

const holdsBoth = (group: readonly CaseSummary[]) => new Set(group.map(({ part }) => part)).size > 1;

function* sameImages({ cases }: CheckedDataset, wanted: (group: readonly CaseSummary[]) => boolean): Iterable<Found> {
  for (const group of groupsBy(cases, imageHash).filter(wanted)) {
    const labels = new Set(group.flatMap(({ marked }) => marked?.hash ?? []));
    yield {
      case: nameOf(group[0]!),
      found: `the same image as ${others(group)}${labels.size > 1 ? ", with other labels" : ""}`,
    };
  }
}

const others = (group: readonly CaseSummary[]) => group.slice(1).map(nameOf).join(", ");

export const duplicateRules: readonly Rule[] = [
  {
    name: "test-is-training",
    severity: "error",
    sentence: "No test image is an image to train on.",
    find: (dataset) => sameImages(dataset, holdsBoth),
  },
  {
    name: "same-image",
    severity: "warning",
    sentence: "Every image is there once.",
    find: (dataset) => sameImages(dataset, (group) => !holdsBoth(group)),
  },
  {
    name: "same-labels",
    severity: "warning",
    sentence: "Labels are drawn for one image.",
    *find({ cases }) {
      const drawn = ({ marked }: CaseSummary) =>
        marked !== undefined && [...marked.voxels.keys()].some((value) => value > 0) ? marked.hash : undefined;
      for (const group of groupsBy(cases, drawn)) {
        const images = new Set(group.map(imageHash));
        if (images.size > 1)
          yield { case: nameOf(group[0]!), found: `the same labels as ${others(group)}, for another image` };
      }
    },
  },
  {
    name: "near-duplicate",
    severity: "warning",
    sentence: "No image is another one, saved once more.",
    *find({ cases }) {
      const readable = cases.filter(({ channels }) => channels.length > 0);
      for (const [index, one] of readable.entries()) {
        for (let n = index + 1; n < readable.length; n++) {
          const other = readable[n]!;
          const alike = likeness(one.channels[0]!.thumbnail, other.channels[0]!.thumbnail);
          if (!(alike > nearlyTheSame) || imageHash(one) === imageHash(other)) continue;
          yield { case: nameOf(one), found: `looks like ${nameOf(other)} (correlation ${alike.toFixed(5)})` };
        }
      }
    },
  },
];
