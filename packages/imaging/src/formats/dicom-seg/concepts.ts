/**
 * What label names mean, as codes of SNOMED CT. Rows hold the names that TotalSegmentator, nnU-Net's BTCV and AMOS data sets and the Medical
 * Segmentation Decathlon use; codes were looked up in DICOM PS3.16 (context groups of annex B, through pydicom's dictionary), in the lists of
 * dcmqi and 3D Slicer, and in TotalSegmentator's own table. A name that is not here gets a general code and keeps its text.
 */

/** A coded concept. */
export interface Code {
  readonly value: string;
  readonly scheme: string;
  readonly meaning: string;
}

/** What a segment is, in codes. */
export interface Concept {
  readonly category: Code;
  readonly type: Code;
  /** Side, or which part of it. */
  readonly modifiers: readonly Code[];
  /** For a finding: the organ it lies in. */
  readonly region?: Code | undefined;
  readonly regionModifiers?: readonly Code[] | undefined;
}

export const categories = {
  anatomy: sct("91723000", "Anatomical Structure"),
  tissue: sct("85756007", "Tissue"),
  altered: sct("49755003", "Morphologically Altered Structure"),
  object: sct("260787004", "Physical object"),
} as const;

/** Any name, however its words are parted and ordered: `kidney_left`, `Left kidney`, `L kidney`. */
export function conceptOf(name: string): Concept {
  const words = wordsOf(name);
  return find(words) ?? { category: categories.anatomy, type: categories.tissue, modifiers: [] };
}

type Row = readonly [code: string, meaning: string, ...names: string[]];

const anatomy: readonly Row[] = [
  ["78961009", "Spleen", "spleen"],
  ["64033007", "Kidney", "kidney", "kidneys"],
  ["28231008", "Gallbladder", "gallbladder", "gall bladder"],
  ["10200004", "Liver", "liver"],
  ["69695003", "Stomach", "stomach"],
  ["15776009", "Pancreas", "pancreas"],
  ["23451007", "Adrenal gland", "adrenal gland", "adrenal glands", "adrenal"],
  ["39607008", "Lung", "lung", "lungs"],
  ["45653009", "Upper lobe of lung", "lung upper lobe"],
  ["90572001", "Lower lobe of lung", "lung lower lobe"],
  ["72481006", "Middle lobe of right lung", "lung middle lobe right", "lung middle lobe"],
  ["32849002", "Esophagus", "esophagus", "oesophagus"],
  ["44567001", "Trachea", "trachea"],
  ["69748006", "Thyroid gland", "thyroid gland", "thyroid"],
  ["30315005", "Small intestine", "small bowel", "small intestine"],
  ["38848004", "Duodenum", "duodenum"],
  ["71854001", "Colon", "colon"],
  ["34402009", "Rectum", "rectum"],
  ["89837001", "Urinary bladder", "urinary bladder", "bladder"],
  ["41216001", "Prostate", "prostate"],
  ["35039007", "Uterus", "uterus"],
  ["80891009", "Heart", "heart"],
  ["74281007", "Myocardium", "heart myocardium", "myocardium"],
  ["82471001", "Left atrium", "heart atrium left", "left atrium"],
  ["73829009", "Right atrium", "heart atrium right", "right atrium"],
  ["87878005", "Left ventricle", "heart ventricle left", "left ventricle"],
  ["53085002", "Right ventricle", "heart ventricle right", "right ventricle"],
  ["68786006", "Auricular appendage", "atrial appendage"],
  ["15825003", "Aorta", "aorta", "arota"],
  ["81040000", "Pulmonary artery", "pulmonary artery"],
  ["122972007", "Pulmonary vein", "pulmonary vein"],
  ["12691009", "Brachiocephalic artery", "brachiocephalic trunk"],
  ["29700009", "Subclavian artery", "subclavian artery"],
  ["32062004", "Common carotid artery", "common carotid artery"],
  ["8887007", "Brachiocephalic vein", "brachiocephalic vein"],
  ["48345005", "Superior vena cava", "superior vena cava"],
  ["64131007", "Inferior vena cava", "inferior vena cava", "ivc", "postcava"],
  ["32764006", "Portal vein", "portal vein"],
  ["35819009", "Splenic vein", "splenic vein"],
  [
    "110765007",
    "Portal vein and splenic vein",
    "portal vein and splenic vein",
    "portal and splenic veins",
    "portal vein splenic vein",
  ],
  ["8993003", "Hepatic vein", "hepatic vein", "hepatic veins"],
  ["59820001", "Blood vessel", "vessel", "vessels", "blood vessel", "hepatic vessel"],
  ["73634005", "Common iliac artery", "iliac artery"],
  ["46027005", "Common iliac vein", "iliac vena", "iliac vein"],
  ["41801008", "Coronary artery", "coronary arteries", "coronary artery"],
  ["57850000", "Celiac axis", "celiac trunk", "coeliac trunk"],
  ["42258001", "Superior mesenteric artery", "superior mesenteric artery"],
  ["51282000", "Vertebra", "vertebra", "vertebrae"],
  ["14806007", "C1 vertebra", "vertebrae c1"],
  ["39976000", "C2 vertebra", "vertebrae c2"],
  ["113205007", "C3 vertebra", "vertebrae c3"],
  ["5329002", "C4 vertebra", "vertebrae c4"],
  ["36978003", "C5 vertebra", "vertebrae c5"],
  ["36054005", "C6 vertebra", "vertebrae c6"],
  ["87391001", "C7 vertebra", "vertebrae c7"],
  ["64864005", "T1 vertebra", "vertebrae t1"],
  ["53733008", "T2 vertebra", "vertebrae t2"],
  ["1626008", "T3 vertebra", "vertebrae t3"],
  ["73071006", "T4 vertebra", "vertebrae t4"],
  ["56401006", "T5 vertebra", "vertebrae t5"],
  ["45296009", "T6 vertebra", "vertebrae t6"],
  ["62487009", "T7 vertebra", "vertebrae t7"],
  ["11068009", "T8 vertebra", "vertebrae t8"],
  ["82687006", "T9 vertebra", "vertebrae t9"],
  ["7610001", "T10 vertebra", "vertebrae t10"],
  ["12989004", "T11 vertebra", "vertebrae t11"],
  ["23215003", "T12 vertebra", "vertebrae t12"],
  ["66794005", "L1 vertebra", "vertebrae l1"],
  ["14293000", "L2 vertebra", "vertebrae l2"],
  ["36470004", "L3 vertebra", "vertebrae l3"],
  ["11994002", "L4 vertebra", "vertebrae l4"],
  ["49668003", "L5 vertebra", "vertebrae l5"],
  ["65985001", "S1 vertebra", "vertebrae s1"],
  ["54735007", "Sacrum", "sacrum"],
  ["48535007", "First rib", "rib 1"],
  ["78247007", "Second rib", "rib 2"],
  ["25888004", "Third rib", "rib 3"],
  ["25523003", "Fourth rib", "rib 4"],
  ["15339008", "Fifth rib", "rib 5"],
  ["59558009", "Sixth rib", "rib 6"],
  ["24915002", "Seventh rib", "rib 7"],
  ["5953002", "Eighth rib", "rib 8"],
  ["22565002", "Ninth rib", "rib 9"],
  ["77644006", "Tenth rib", "rib 10"],
  ["58830002", "Eleventh rib", "rib 11"],
  ["43993008", "Twelfth rib", "rib 12"],
  ["113197003", "Rib", "rib", "ribs"],
  ["50016007", "Costal cartilage", "costal cartilages", "costal cartilage"],
  ["56873002", "Sternum", "sternum"],
  ["79601000", "Scapula", "scapula"],
  ["51299004", "Clavicle", "clavicula", "clavicle"],
  ["85050009", "Humerus", "humerus"],
  ["29836001", "Hip", "hip"],
  ["71341001", "Femur", "femur"],
  ["2812003", "Femoral head", "femoral head"],
  ["89546000", "Skull", "skull"],
  ["2748008", "Spinal cord", "spinal cord"],
  ["12738006", "Brain", "brain"],
  ["119238007", "Brain stem", "brain stem", "brainstem"],
  ["5366008", "Hippocampus", "hippocampus"],
  ["4958002", "Amygdala", "amygdala"],
  ["42695009", "Thalamus", "thalamus"],
  ["11000004", "Caudate nucleus", "caudate", "caudate nucleus"],
  ["89278009", "Putamen", "putamen"],
  ["14738005", "Globus pallidus", "pallidum", "globus pallidus"],
  ["427667007", "Nucleus accumbens", "accumbens", "nucleus accumbens"],
  ["181674001", "Gluteus maximus muscle", "gluteus maximus"],
  ["78333006", "Gluteus medius muscle", "gluteus medius"],
  ["75297007", "Gluteus minimus muscle", "gluteus minimus"],
  ["244849004", "Deep muscle of back", "autochthon"],
  ["68455001", "Iliopsoas muscle", "iliopsoas"],
];

/** Findings: the other words of a name say where they lie (`liver tumor`). */
const findings: readonly Row[] = [
  ["108369006", "Neoplasm", "tumor", "tumors", "tumour", "tumours", "cancer", "neoplasm"],
  ["367643001", "Cyst", "cyst", "cysts"],
  ["79654002", "Edema", "edema", "oedema"],
  ["6574001", "Necrosis", "necrosis"],
];

const modifiers: Readonly<Record<string, Code>> = {
  left: sct("7771000", "Left"),
  right: sct("24028007", "Right"),
  anterior: sct("255549009", "Anterior"),
  posterior: sct("255551008", "Posterior"),
};

/** Other ways to write a word. */
const sameWord: Readonly<Record<string, string>> = { l: "left", r: "right", vertebra: "vertebrae", ribs: "rib" };

const anatomyByWords = byWords(anatomy);
const findingsByWords = byWords(findings);

function find(words: readonly string[]): Concept | undefined {
  const structure = structureOf(words);
  if (structure !== undefined) return { category: categories.anatomy, ...structure };
  for (const word of words) {
    const type = findingsByWords.get(word);
    if (type === undefined) continue;
    const place = structureOf(words.filter((other) => other !== word));
    return {
      category: categories.altered,
      type,
      modifiers: [],
      region: place?.type,
      regionModifiers: place?.modifiers,
    };
  }
  return undefined;
}

/** By all words, or without those that are modifiers: "left atrium" is a concept of its own, "left kidney" a kidney. */
function structureOf(words: readonly string[]): { type: Code; modifiers: Code[] } | undefined {
  const whole = anatomyByWords.get(keyOf(words));
  if (whole !== undefined) return { type: whole, modifiers: [] };
  const isModifier = (word: string) => Object.hasOwn(modifiers, word);
  const type = anatomyByWords.get(keyOf(words.filter((word) => !isModifier(word))));
  return type && { type, modifiers: words.filter(isModifier).map((word) => modifiers[word]!) };
}

function wordsOf(name: string): string[] {
  const words = name.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  return words.map((word) => (Object.hasOwn(sameWord, word) ? sameWord[word]! : word));
}

function keyOf(words: readonly string[]): string {
  return [...words].sort().join(" ");
}

function byWords(rows: readonly Row[]): ReadonlyMap<string, Code> {
  return new Map(
    rows.flatMap(([code, meaning, ...names]) => names.map((name) => [keyOf(wordsOf(name)), sct(code, meaning)])),
  );
}

function sct(value: string, meaning: string): Code {
  return { value, scheme: "SCT", meaning };
}
