/**
 * How Node is to be started, where the product says so: the first line of `main.ts`, the scripts of
 * package.json, the image, the benchmarks. V8 sizes the young generation when it starts: a flag that a
 * running program sets changes nothing. An engine's garbage is young and plenty (every record is parsed), so
 * with 64 MB instead of 16 most of it is dead when it is looked at; the price is up to 150 MB of memory.
 */
export const nodeOptions = ['--max-semi-space-size=64'] as const
