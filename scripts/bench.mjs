/** @file `npm run bench`: set-up and build where needed, then scripts/bench/main.ts with the same options (docs/benchmarks.md). */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { getPackages, getSystem } from './bootstrap.mjs'
import { addonPath, buildAddon } from './build.mjs'
import { root, whenStarted } from './command.mjs'
import { here, toolchains } from './dependencies.mjs'

await whenStarted(import.meta.url, async (args) => {
  const json = args.includes('--json')
  // Everything on the standard output is JSON then.
  if (json) console.log = console.error
  await getSystem({ toShip: true })
  await getPackages()
  if (!process.env.TENON_NATIVE) {
    const variant = here in toolchains ? 'shipped' : 'release' // measured is what users get
    await buildAddon(variant, { show: !json })
    process.env.TENON_NATIVE = join(root, addonPath(variant))
  }
  const command = ['--import', 'tsx', 'scripts/bench/main.ts', ...args]
  process.exitCode = spawnSync(process.execPath, command, { cwd: root, stdio: 'inherit' }).status ?? 1
})
