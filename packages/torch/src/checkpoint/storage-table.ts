/** The storages that a pickle refers to. One key is one piece of memory: two tensors that name it share it. */
import { type Described, PickledTuple, StorageRecord, StorageType } from "./pickle-values.js";
import { damaged, glimpse } from "./problems.js";

/** @param located called for every new storage; throws where the file does not have it */
export class StorageTable {
  readonly records = new Map<string, StorageRecord>();

  constructor(
    readonly file: string,
    readonly located: (record: StorageRecord) => void = () => {},
  ) {}

  /**
   * The storage of a persistent id `("storage", type, key, device, count)`; the legacy layout adds `None`.
   *
   * @throws CheckpointError for any other, and for a key that is declared in two ways
   */
  find(id: Described): StorageRecord {
    const [kind, type, key, device, count, view] = id instanceof PickledTuple ? (id.items as readonly Described[]) : [];
    const length = id instanceof PickledTuple ? id.items.length : 0;
    const known =
      (length === 5 || (length === 6 && view === null)) &&
      kind === "storage" &&
      typeof key === "string" &&
      typeof device === "string";
    if (!known || !(type instanceof StorageType)) {
      throw damaged(this.file, "malformed_pickle", `its pickle refers to ${glimpse(kind ?? id)} outside itself`, {
        expected: "storages of tensors",
      });
    }
    const record = new StorageRecord(key, type, this.#checkCount(key, type, count));
    const before = this.records.get(key);
    if (before !== undefined) {
      if (before.type === type && before.count === record.count) return before;
      throw damaged(
        this.file,
        "storage_size_mismatch",
        `storage ${glimpse(key)} is declared as ${inTypes(before)} and as ${inTypes(record)}`,
      );
    }
    this.located(record);
    this.records.set(key, record);
    return record;
  }

  #checkCount(key: string, type: StorageType, count: Described | undefined): number {
    if ((typeof count !== "number" && typeof count !== "bigint") || count < 0 || !Number.isInteger(Number(count))) {
      throw damaged(this.file, "storage_size_mismatch", `storage ${glimpse(key)} claims ${glimpse(count)} elements`);
    }
    if (Number(count) * type.elementBytes > Number.MAX_SAFE_INTEGER) {
      throw damaged(this.file, "storage_too_short", `storage ${glimpse(key)} claims ${count} elements`, {
        expected: "as many as the file holds",
      });
    }
    return Number(count);
  }
}

/** "6 elements of torch.FloatStorage". */
export function inTypes({ count, type }: StorageRecord): string {
  return `${count} elements of ${type.className}`;
}
