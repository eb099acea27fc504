/** The official models by name, as the bench uses them: built with random weights, asked for the mask at one click. */
import { ConfigError } from "@rfmedsam/base";
import {
  type ImageEmbedding,
  type OfficialSam2Name,
  type OfficialSamName,
  officialSam2Configs,
  officialSamConfigs,
  type Points,
  Sam,
  Sam2,
  withImageSize,
} from "@rfmedsam/models";
import { full, manualSeed, type nn, noGrad, ones, type Tensor } from "@rfmedsam/torch";

/** A network with what turns a picture into an embedding. Runs inside a scope, without gradients. */
export interface OfficialModel {
  readonly network: nn.Module;
  readonly imageSize: number;
  /** @param picture `[1, 3, S, S]` */
  encode(picture: Tensor): EncodedPicture;
}

export interface EncodedPicture {
  /** What the network computed; a scope finds the tensors in it. */
  readonly embedding: unknown;
  /** @returns what the network answers, masks first */
  click(points: Points): readonly Tensor[];
}

export type OfficialName = OfficialSam2Name | OfficialSamName;

export const officialNames = [
  ...Object.keys(officialSam2Configs),
  ...Object.keys(officialSamConfigs),
] as readonly OfficialName[];

/** @throws ConfigError for a name that is none */
export function officialNameOf(name: string): OfficialName {
  const found = officialNames.find((official) => official === name);
  if (found !== undefined) return found;
  throw new ConfigError({ found: `the model "${name}"`, expected: `one of ${officialNames.join(", ")}` });
}

/** In evaluation mode. SAM 2 can be had at another image size than the official 1024. */
export function officialModel(name: OfficialName, imageSize?: number): OfficialModel {
  const model = isSam(name) ? sam(name) : sam2(name, imageSize);
  model.network.eval();
  return model;
}

function isSam(name: OfficialName): name is OfficialSamName {
  return name in officialSamConfigs;
}

function sam(name: OfficialSamName): OfficialModel {
  const network = new Sam(officialSamConfigs[name]);
  return {
    network,
    imageSize: network.config.imageSize,
    encode(picture) {
      const embedding = network.encodeImage(picture);
      return {
        embedding,
        click(points) {
          const { masks, ious } = network.predict(embedding, { points }, { multimask: true });
          return [network.enlarge(masks), ious];
        },
      };
    },
  };
}

function sam2(name: OfficialSam2Name, imageSize = 1024): OfficialModel {
  const network = new Sam2(withImageSize(officialSam2Configs[name], imageSize));
  return {
    network,
    imageSize,
    encode(picture) {
      const embedding = network.encodeImage(picture);
      return { embedding, click: (points) => answerSam2(network, embedding, points) };
    },
  };
}

/** The best of the three alternatives, on an image without memory. */
export function answerSam2(sam: Sam2, embedding: ImageEmbedding, points: Points): readonly Tensor[] {
  const features = sam.condition(embedding, { spatial: [] });
  const head = sam.decode(features, { points }, { highRes: embedding.highRes, multimask: true });
  return [head.highResMasks, head.pointer, head.objectScores];
}

/** A foreground point in the middle. */
export function clickIn(imageSize: number): Points {
  return { coords: full([1, 1, 2], imageSize / 2), labels: ones([1, 1], { dtype: "int64" }) };
}

/** Random weights, always the same, by which every SAM 2 sees an object: by chance it would or would not. */
export function drawn<Network extends nn.Module>(make: () => Network): Network {
  manualSeed(1);
  const network = make();
  noGrad(() => network.stateDict().get("sam_mask_decoder.pred_obj_score_head.layers.2.bias")?.fill_(10));
  return network;
}
