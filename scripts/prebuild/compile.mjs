/**
 * @file Stands in for node-gyp when prebuildify calls it, in a folder in which it wants build/Release/*.node: gives it
 * the addon of `npm run build:shipped`. What it says besides, `rebuild --target=... --arch=...`, is of no use here.
 */
import { copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { addonPath, buildAddon } from '../build.mjs'
import { root, whenStarted } from '../command.mjs'

await whenStarted(import.meta.url, async () => {
  await buildAddon('shipped', { show: true })
  const folder = join(process.cwd(), 'build/Release')
  mkdirSync(folder, { recursive: true })
  copyFileSync(join(root, addonPath('shipped')), join(folder, 'tenon.node'))
})
