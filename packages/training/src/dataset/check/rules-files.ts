/** Rules about which files there are, and dataset.json. */
import { DatasetError } from "@rfmedsam/base";
import { channelsInOrder, describeChannels } from "@rfmedsam/imaging/node";
import { repeated } from "../../folds.js";
import { orderedLabels } from "../nnunet.js";
import { perCase, plural, type Rule, trainingOf } from "./rule.js";

export const fileRules: readonly Rule[] = [
  {
    name: "no-cases",
    severity: "error",
    sentence: "There are images in imagesTr, named CASE_0000 and so on.",
    *find(dataset) {
      if (trainingOf(dataset).length === 0) yield { found: "no image of that name and ending" };
    },
  },
  {
    name: "label-numbers",
    severity: "error",
    sentence: 'dataset.json numbers the labels 0, 1, 2, … without gaps, 0 being "background".',
    *find({ inventory: { description } }) {
      const { labels, regions, file } = description;
      // Regions take numbers away from the others, and are told by themselves.
      if (Object.keys(regions).length > 0) return;
      try {
        orderedLabels(labels, file);
      } catch (error) {
        if (!(error instanceof DatasetError)) throw error;
        yield { file, found: error.found };
      }
    },
  },
  {
    name: "regions",
    severity: "error",
    sentence:
      "Every label of dataset.json is one number: rfmedsam train does not learn regions, several numbers under one name.",
    *find({ inventory: { description } }) {
      const regions = Object.entries(description.regions).map(([name, values]) => `${name} [${values.join(", ")}]`);
      if (regions.length > 0) yield { file: description.file, found: regions.join(", ") };
    },
  },
  {
    name: "ignore-label",
    severity: "error",
    sentence: 'Every voxel is annotated: rfmedsam train cannot leave out those of a label called "ignore".',
    *find({ inventory: { description } }) {
      const { ignored, file } = description;
      if (ignored === undefined) return;
      yield { file, found: `label ${ignored} is "ignore"` };
    },
  },
  {
    name: "channels",
    severity: "error",
    sentence: "Every case has a file for each channel of dataset.json.",
    find: perCase(function* ({ images }, { inventory: { description } }) {
      const wanted = description.channelNames.length;
      if (channelsInOrder(images, wanted) === undefined)
        yield { found: `${describeChannels(images)} instead of ${wanted}` };
    }),
  },
  {
    name: "labels-missing",
    severity: "error",
    sentence: "Every case to train on has labels.",
    find: perCase(function* ({ part, labels }) {
      if (part === "Tr" && labels === undefined) yield { found: "no file in labelsTr" };
    }),
  },
  {
    name: "labels-alone",
    severity: "warning",
    sentence: "Every label file belongs to an image.",
    *find({ inventory: { orphans } }) {
      for (const file of orphans) yield { file, found: "no image of that name: the labels are not used" };
    },
  },
  {
    name: "labels-of-some-tests",
    severity: "note",
    sentence: "Either all test cases have labels, or none.",
    *find({ cases }) {
      const tests = cases.filter(({ part }) => part === "Ts");
      const without = tests.filter(({ labels }) => labels === undefined);
      if (without.length === 0 || without.length === tests.length) return;
      yield {
        found: `${without.length} of ${tests.length} have none (${without[0]!.id}${without.length > 1 ? ", …" : ""})`,
      };
    },
  },
  {
    name: "stray-files",
    severity: "warning",
    sentence:
      "The image and label folders hold nothing but files named as dataset.json's file_ending and channels say.",
    *find({ inventory: { strays } }) {
      for (const file of strays) yield { file, found: "named otherwise, so it is not used" };
    },
  },
  {
    name: "numTraining",
    severity: "warning",
    sentence: "dataset.json counts the cases in imagesTr (numTraining); nnU-Net refuses another count.",
    *find(dataset) {
      const { numTraining, file } = dataset.inventory.description;
      const there = trainingOf(dataset).length;
      if (numTraining !== undefined && numTraining !== there) {
        yield {
          file,
          found: `numTraining is ${numTraining}, there ${there === 1 ? "is 1 case" : `are ${there} cases`}`,
        };
      }
    },
  },
  {
    name: "split",
    severity: "error",
    sentence:
      "The folds of splits_final.json are of cases there are, each once, and no fold learns from its validation cases.",
    *find(dataset) {
      const { splits } = dataset;
      if (splits === undefined) return;
      if ("unreadable" in splits) {
        yield { file: splits.file, found: splits.unreadable };
        return;
      }
      const known = new Set(trainingOf(dataset).map(({ id }) => id));
      for (const [fold, { train, val }] of splits.entries()) {
        const strangers = [...train, ...val].filter((id) => !known.has(id));
        const both = train.filter((id) => val.includes(id));
        if (strangers.length > 0)
          yield { found: `fold ${fold}: ${plural(strangers.length, "case")} not in imagesTr (${strangers[0]})` };
        if (both.length > 0) yield { found: `fold ${fold}: ${plural(both.length, "case")} on both sides (${both[0]})` };
        const twice = [train, val].flatMap(repeated);
        if (twice.length > 0)
          yield { found: `fold ${fold}: ${plural(twice.length, "case")} listed twice (${twice[0]})` };
      }
    },
  },
];
