import type { Fields } from '../../schemas/event.ts'
import { fieldReader } from '../field.ts'

/**
 * Field names as small numbers, so that what is known of a field's value in an event can lie in an
 * array. Numbers are never taken back: compiled predicates hold them.
 */
export class FieldNames {
  readonly #slots = new Map<string, number>()
  readonly #names: string[] = []
  /** Null: the name may be read without asking whether the event itself has it. */
  readonly #readers: (ReturnType<typeof fieldReader> | null)[] = []

  get size(): number {
    return this.#names.length
  }

  slotOf(name: string): number {
    const known = this.#slots.get(name)
    if (known !== undefined) return known
    const slot = this.#names.length
    this.#slots.set(name, slot)
    this.#names.push(name)
    const isPlain = !name.includes('.') && !(name in Object.prototype)
    this.#readers.push(isPlain ? null : fieldReader(name))
    return slot
  }

  /** As `fieldValue`, which it equals for objects that JSON.parse or a literal made. */
  valueOf(fields: Fields, slot: number): unknown {
    const read = this.#readers[slot]
    return read === null || read === undefined ? fields[this.#names[slot] ?? ''] : read(fields)
  }
}
