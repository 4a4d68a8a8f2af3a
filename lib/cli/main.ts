#!/usr/bin/env node
/** @file The `tenon` command as a process: its exit code, and an end where nobody reads on. */
import { tenon } from './commands.ts'

// A reader that has seen enough, as in `tenon env | head -1`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit()
})

process.exitCode = await tenon(process.argv.slice(2))
