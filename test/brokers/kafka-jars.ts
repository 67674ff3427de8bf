/**
 * Apache Kafka's jars, fetched once from Maven Central into a cache folder outside the repository.
 * Concurrent test runs share it: one fetches, the others wait; the folder appears by one rename, so
 * it is whole whenever it is there.
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

export const kafkaVersion = '4.1.0'

const fetchMsMax = 300_000
const cacheFolder = join(homedir(), '.cache', 'ttpstream')
const jarsFolder = join(cacheFolder, `kafka-${kafkaVersion}`)
const lockFile = `${jarsFolder}.lock`

export function hasKafkaJars(): boolean {
  return existsSync(jarsFolder)
}

/** The folder of the jars. Throws when Maven cannot fetch them within five minutes. */
export async function fetchKafkaJars(): Promise<string> {
  await mkdir(cacheFolder, { recursive: true })
  const deadline = Date.now() + fetchMsMax
  while (!hasKafkaJars()) {
    if (Date.now() > deadline) throw new Error(`another process holds ${lockFile}; remove it`)
    if (await takeLock()) {
      try {
        if (!hasKafkaJars()) await runMaven()
      } finally {
        await rm(lockFile, { force: true })
      }
    } else {
      await sleep(200)
    }
  }
  return jarsFolder
}

async function takeLock(): Promise<boolean> {
  try {
    await writeFile(lockFile, String(process.pid), { flag: 'wx' })
    return true
  } catch {
    const holder = Number(await readFile(lockFile, 'utf8').catch(() => ''))
    // A holder that died leaves its lock behind; an empty file is one that is being written.
    if (holder > 0 && !isAlive(holder)) await rm(lockFile, { force: true })
    return false
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

async function runMaven(): Promise<void> {
  const folder = `${jarsFolder}.part`
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder)
  await writeFile(join(folder, 'pom.xml'), pom)
  const jars = join(folder, 'jars')
  const args = ['-q', '-B', 'dependency:copy-dependencies', `-DoutputDirectory=${jars}`]
  await promisify(execFile)('mvn', [...args, '-DincludeScope=runtime'], {
    cwd: folder,
    timeout: fetchMsMax,
  })
  await rename(jars, jarsFolder)
  await rm(folder, { recursive: true, force: true })
}

const dependencies = [
  ['org.apache.kafka', 'kafka_2.13', kafkaVersion],
  ['org.apache.kafka', 'kafka-tools', kafkaVersion],
  ['org.apache.logging.log4j', 'log4j-slf4j-impl', '2.24.3'],
]

const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>ttpstream</groupId>
  <artifactId>kafka-for-tests</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>${dependencies
    .map(
      ([group, artifact, version]) => `
    <dependency>
      <groupId>${group}</groupId>
      <artifactId>${artifact}</artifactId>
      <version>${version}</version>
    </dependency>`,
    )
    .join('')}
  </dependencies>
</project>
`
