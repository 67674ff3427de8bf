import { cpus } from 'node:os'
import { cpuSeconds } from './process-figures.ts'

export interface Load {
  /** Of all cores' time, what went to other processes than this one and those asked about. */
  readonly others: number
  /** Of those asked about, together. */
  readonly cpuMs: number
}

/** Gives the load since this call; nothing where the system does not tell. */
export function loadSince(pids: readonly number[]): () => Load {
  if (process.platform !== 'linux') return () => ({ others: 0, cpuMs: 0 })
  const usedBy = (some: readonly number[]) => some.reduce((sum, pid) => sum + cpuSeconds(pid), 0)
  const before = { ...machineSeconds(), theirs: usedBy(pids), ours: usedBy([process.pid]) }
  return () => {
    const { busy, all } = machineSeconds()
    const theirs = usedBy(pids) - before.theirs
    const others = busy - before.busy - theirs - (usedBy([process.pid]) - before.ours)
    return { others: Math.max(0, others) / Math.max(0.01, all - before.all), cpuMs: theirs * 1000 }
  }
}

function machineSeconds(): { busy: number; all: number } {
  let busy = 0
  let all = 0
  for (const { times } of cpus()) {
    const { user, nice, sys, idle, irq } = times
    busy += (user + nice + sys + irq) / 1000
    all += (user + nice + sys + irq + idle) / 1000
  }
  return { busy, all }
}
