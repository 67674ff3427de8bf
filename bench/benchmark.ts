/** One subject that `npm run bench -- <name>` measures. */
export interface Benchmark {
  readonly name: string
  readonly summary: string
  /** `args` are those after the name. The exit code of the process; 0 where there is nothing to miss. */
  run(args: readonly string[]): Promise<number>
}
