import type { z } from 'zod'

/** Parts of contracts whose records are partial updates: the latest non-null of a field wins. */

type Shape = Readonly<Record<string, z.ZodType>>
type Nullish<Fields extends Shape> = {
  [Field in keyof Fields]: z.ZodOptional<z.ZodNullable<Fields[Field]>>
}

/** Every field of a partial update may be absent or null. */
export function nullish<Fields extends Shape>(shape: Fields): Nullish<Fields> {
  const entries = Object.entries(shape).map(([field, type]) => [field, type.nullish()])
  // Checked: the same keys, each made nullish one line above.
  return Object.fromEntries(entries) as Nullish<Fields>
}

/** A field that is given and cleared in one record has no meaning; says which. */
export function notGivenAndCleared(context: {
  value: { readonly clear?: readonly string[] | null | undefined; readonly [key: string]: unknown }
  issues: z.core.$ZodRawIssue[]
}): void {
  for (const field of context.value.clear ?? []) {
    const given = context.value[field]
    if (given === undefined || given === null) continue
    context.issues.push({
      code: 'custom',
      message: `\`${field}\` is given and cleared in one record; send one of the two`,
      input: field,
      path: ['clear'],
    })
  }
}
