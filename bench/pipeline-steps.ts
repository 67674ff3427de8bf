import type { Engine } from './pipeline-stack.ts'

/** By step: how often, and seconds altogether. */
export type Steps = ReadonlyMap<string, { readonly count: number; readonly seconds: number }>

/** What engines spent on the steps of their blocks, by their own metrics. */
export async function stepsOf(engines: readonly Engine[]): Promise<Steps> {
  const steps = new Map<string, { count: number; seconds: number }>()
  const line = /^ttpstream_block_step_seconds_(sum|count)\{step="([^"]+)"\} (\S+)$/gm
  for (const engine of engines) {
    for (const [, member, step = '', value] of (await engine.metrics()).matchAll(line)) {
      const known = steps.get(step) ?? { count: 0, seconds: 0 }
      if (member === 'sum') known.seconds += Number(value)
      else known.count += Number(value)
      steps.set(step, known)
    }
  }
  return steps
}

export function stepsBetween(before: Steps, after: Steps): string {
  const texts = [...after].flatMap(([step, { count, seconds }]) => {
    const times = count - (before.get(step)?.count ?? 0)
    const meanMs = ((seconds - (before.get(step)?.seconds ?? 0)) * 1000) / times
    return times > 0 ? [`${step} ${times} × ${meanMs.toFixed(1)} ms`] : []
  })
  return texts.join(', ')
}
