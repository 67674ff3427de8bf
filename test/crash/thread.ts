import { once } from 'node:events'
import { Worker } from 'node:worker_threads'

/**
 * Runs a TypeScript module in a thread of its own, whose modules are its own too, and resolves to the
 * first message that it posts. Rejects with what it throws.
 */
export async function inThread(module: URL, workerData: unknown): Promise<unknown> {
  // A thread has no loader for TypeScript until it asks for one.
  const loader = `import('tsx/esm/api').then(({ register }) => {
    register()
    return import(${JSON.stringify(module.href)})
  })`
  const thread = new Worker(loader, { eval: true, workerData })
  try {
    const [message]: unknown[] = await once(thread, 'message')
    return message
  } finally {
    await thread.terminate()
  }
}
