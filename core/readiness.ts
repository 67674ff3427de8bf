/** What stands between this process and work, by what said so; ready when nothing does. */

export interface Readiness {
  /** `reason` null: no longer in the way. Reasons are short sentences without addresses or secrets. */
  set(part: string, reason: string | null): void
  state(): { readonly ready: boolean; readonly reasons: readonly string[] }
}

export function createReadiness(onChange: (isReady: boolean) => void = () => {}): Readiness {
  const reasons = new Map<string, string>()
  return {
    set(part, reason) {
      const wasReady = reasons.size === 0
      if (reason === null) reasons.delete(part)
      else reasons.set(part, reason)
      const isReady = reasons.size === 0
      if (wasReady !== isReady) onChange(isReady)
    },
    state: () => ({ ready: reasons.size === 0, reasons: [...reasons.values()] }),
  }
}
