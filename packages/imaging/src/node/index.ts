/** Volumes on disk. */
export {
  type ChannelFiles,
  caseNameOf,
  channelsInOrder,
  describeChannels,
  groupChannels,
  hasEnding,
  listFolder,
  volumeEndings,
} from "./case-files.js";
export { readChannels } from "./channels.js";
export { readLabels } from "./labels.js";
export { readImageHeader, readNiftiFile, readVolume, writeVolume } from "./nifti.js";
export { readMask, readPicture, writePng } from "./picture.js";
