/**
 * A map from keys of one width to values of one width, packed into a few buffers: a hundred thousand entries cost some
 * megabytes and the collector nothing. Keys must be evenly spread (hashes). Entries stay; a key set again gets the new value.
 * Pure: holds memory, nothing else.
 */
export interface PackedTable {
  readonly size: number
  /** A view of the value, good until the next `set`; writing to it changes the entry. */
  get(key: Buffer): Buffer | undefined
  set(key: Buffer, value: Buffer): void
  entries(): Generator<{ key: Buffer; value: Buffer }>
}

/** Keys are `keyBytes` long, at least 4. */
export function makePackedTable(keyBytes: number, valueBytes: number): PackedTable {
  const rowBytes = keyBytes + valueBytes
  let rows = Buffer.alloc(64 * rowBytes)
  // Row numbers plus one; 0 is free. Never more than half full, so that a search is short.
  let slots = new Int32Array(256)
  let size = 0

  const keyOf = (row: number) => rows.subarray(row * rowBytes, row * rowBytes + keyBytes)
  const rowValue = (row: number) => rows.subarray(row * rowBytes + keyBytes, (row + 1) * rowBytes)
  /** The slot that holds the key, or the free one where it would go. */
  const slotOf = (key: Buffer): number => {
    let slot = key.readUInt32LE(0) & (slots.length - 1)
    for (;;) {
      const row = slots[slot] as number
      if (row === 0 || keyOf(row - 1).equals(key)) return slot
      slot = (slot + 1) & (slots.length - 1)
    }
  }
  const grow = () => {
    const wider = Buffer.alloc(rows.length * 2)
    rows.copy(wider)
    rows = wider
  }
  const spread = () => {
    slots = new Int32Array(slots.length * 2)
    for (let row = 0; row < size; row++) slots[slotOf(keyOf(row))] = row + 1
  }

  return {
    get size() {
      return size
    },
    get(key) {
      const row = slots[slotOf(key)] as number
      return row === 0 ? undefined : rowValue(row - 1)
    },
    set(key, value) {
      const slot = slotOf(key)
      const known = slots[slot] as number
      if (known > 0) return void value.copy(rowValue(known - 1))
      if ((size + 1) * rowBytes > rows.length) grow()
      key.copy(keyOf(size))
      value.copy(rowValue(size))
      slots[slot] = ++size
      if (size * 2 > slots.length) spread()
    },
    *entries() {
      for (let row = 0; row < size; row++) yield { key: keyOf(row), value: rowValue(row) }
    },
  }
}
