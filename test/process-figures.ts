/** What Linux says of processes. Throws for one that is gone. */

import { readdirSync, readFileSync } from 'node:fs'

/** Resident memory, MB. */
export function rssMb(pid: number): number {
  return statusMb(pid, 'VmRSS')
}

/** The most that was ever resident, MB. */
export function peakRssMb(pid: number): number {
  return statusMb(pid, 'VmHWM')
}

/** User and system time; the kernel counts hundredths. */
export function cpuSeconds(pid: number): number {
  const stat = statOf(pid)
  return (Number(stat[11]) + Number(stat[12])) / 100
}

export function childrenOf(parent: number): number[] {
  const pids = readdirSync('/proc').map(Number).filter(Number.isInteger)
  return pids.filter((pid) => Number(statOf(pid)[1]) === parent)
}

export function isFrozen(pid: number): boolean {
  return statOf(pid)[0] === 'T'
}

/** From the state on: state, parent, …; user and system time are the 12th and 13th. */
function statOf(pid: number): readonly string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // Before it stands the program's name in brackets, which may hold anything.
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
}

function statusMb(pid: number, name: string): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0) / 1024
}
