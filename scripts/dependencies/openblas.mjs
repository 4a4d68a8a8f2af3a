/**
 * @file OpenBLAS as tenon ships it: products of float matrices, with each other and with vectors, for every processor
 * that it knows kernels for, one thread a call, any number of calls at a time. All of it is one object that exports
 * the functions of native/kernels/blas.h under names of their own; it reads no variable of OpenBLAS's.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { run } from '../command.mjs'

/**
 * @typedef {object} Build
 * @property {string} out the folder with include/, lib/ and licences/
 * @property {string} cc
 * @property {string} cxx
 * @property {string} prefix of ar, nm, objcopy
 * @property {string[]} blas what OpenBLAS's makefiles are told of the target
 * @property {boolean} native whether what is built runs here
 * @property {string} launcher ccache, or nothing
 * @property {boolean} show
 */

/** What native/kernels/blas.h declares. */
const exported = [
  ...['cblas_sgemm', 'cblas_dgemm', 'cblas_sgemv', 'cblas_dgemv'],
  ...['openblas_set_num_threads', 'openblas_get_config', 'openblas_get_corename'],
]

/**
 * Single-threaded with locks: callers are many threads. NUM_THREADS decides how many calls may run at once (twice as
 * many), BUFFERSIZE is the logarithm of a call's working memory, in units of 32 bytes.
 */
const settings = [
  ...['NO_LAPACK=1', 'NO_LAPACKE=1', 'NOFORTRAN=1', 'ONLY_CBLAS=1', 'BUILD_SINGLE=1', 'BUILD_DOUBLE=1'],
  ...['BUILD_COMPLEX=0', 'BUILD_COMPLEX16=0', 'BUILD_BFLOAT16=0', 'DYNAMIC_ARCH=1', 'USE_OPENMP=0', 'NO_AFFINITY=1'],
  ...['USE_THREAD=0', 'USE_LOCKING=1', 'NUM_THREADS=512', 'BUFFERSIZE=20'],
]

/** Objects of each folder: a makefile beside OpenBLAS's own that asks for fewer of them. */
const wanted = {
  interface: 'cblas_sgemm.o cblas_dgemm.o cblas_sgemv.o cblas_dgemv.o',
  'driver/level3': 'sgemm_nn.o sgemm_nt.o sgemm_tn.o sgemm_tt.o dgemm_nn.o dgemm_nt.o dgemm_tn.o dgemm_tt.o',
  'driver/others': '%',
  kernel: 'setparam_% sgemm_% dgemm_% sgemv_% dgemv_% sscal_% dscal_%',
}

/**
 * @param {string} folder its sources
 * @param {Build} build
 */
export async function buildOpenBlas(folder, build) {
  const { cc, launcher, blas, show } = build
  renameVariables(folder)
  for (const [part, objects] of Object.entries(wanted)) {
    const list = part === 'driver/others' ? '$(COMMONOBJS)' : '$(SBLASOBJS) $(DBLASOBJS)'
    writeFileSync(join(folder, part, 'tenon.mk'), `include Makefile\ntenon: $(filter ${objects}, ${list})\n`)
  }
  writeFileSync(join(folder, 'tenon.mk'), everything)
  const jobs = `-j${availableParallelism()}`
  const compilers = [`CC=${launcher ? `${launcher} ` : ''}${cc}`, 'HOSTCC=cc']
  const args = ['-C', folder, '-f', 'tenon.mk', jobs, ...compilers, ...settings, ...blas, 'tenon']
  // The makefiles would take this machine's settings for their own.
  await run('env', ['-u', 'MAKEFLAGS', '-u', 'CFLAGS', '-u', 'TARGET', 'make', ...args], { show })
  await link(folder, build)
}

/** Everything but the kernels once, then the kernels for each processor. */
const everything = `TOPDIR = .
include Makefile.system
tenon:
	$(MAKE) -C interface -f tenon.mk tenon
	$(MAKE) -C driver/level3 -f tenon.mk tenon
	$(MAKE) -C driver/others -f tenon.mk tenon
	for core in $(DYNAMIC_CORE); do \\
	  $(MAKE) GOTOBLAS_MAKEFILE= -C kernel -f tenon.mk TARGET_CORE=$$core tenon || exit 1; \\
	done
`

/**
 * What a user sets for another OpenBLAS in the process does not reach this one.
 * @param {string} folder
 */
function renameVariables(folder) {
  const files = ['driver/others/openblas_env.c', 'kernel/setparam-ref.c']
  for (const name of readdirSync(join(folder, 'driver/others'))) {
    if (name.startsWith('dynamic') && name.endsWith('.c')) files.push(`driver/others/${name}`)
  }
  for (const file of files) {
    const text = readFileSync(join(folder, file), 'utf8')
    const renamed = text.replace(/"(OPENBLAS|GOTO|OMP)_/g, '"TENON_$1_')
    if (renamed !== text) writeFileSync(join(folder, file), renamed)
  }
}

/**
 * One object of all objects, in which only `exported` can be seen.
 * @param {string} folder
 * @param {Build} build
 */
async function link(folder, { out, cc, prefix, native, show }) {
  const objects = Object.keys(wanted).flatMap((part) =>
    readdirSync(join(folder, part))
      .filter((name) => name.endsWith('.o'))
      .map((name) => join(folder, part, name)),
  )
  const all = join(folder, 'all.o')
  await run(cc, ['-r', '-nostdlib', '-o', all, ...objects], { show })
  const missing = join(folder, 'missing.c')
  writeFileSync(missing, missingKernels(await run(`${prefix}nm`, ['-u', all])))
  await run(cc, ['-O2', '-fPIC', '-c', missing, '-o', join(folder, 'missing.o')], { show })
  const one = join(folder, 'one.o')
  await run(cc, ['-r', '-nostdlib', '-o', one, all, join(folder, 'missing.o')], { show })
  const names = exported.flatMap((name) => [`--keep-global-symbol=${name}`, `--redefine-sym=${name}=tenon_${name}`])
  const tenon = exported.map((name) => `--keep-global-symbol=tenon_${name}`)
  await run(`${prefix}objcopy`, [...names, ...tenon, one, join(folder, 'tenon_blas.o')], { show })
  await run(`${prefix}ar`, ['-rcs', join(out, 'lib/libtenon_blas.a'), join(folder, 'tenon_blas.o')], { show })
}

/**
 * A table lists all kernels of a processor; those that no function of `exported` calls are not built, and stand as
 * one function that ends the process.
 * @param {string} undefinedSymbols from nm
 */
function missingKernels(undefinedSymbols) {
  const names = undefinedSymbols.match(/\b[a-z]\w*_[A-Z][A-Z0-9]{2,}\b/g) ?? []
  const lines = names.map((name) => `void ${name}(void) __attribute__((alias("tenon_blas_missing")));`)
  return `#include <stdlib.h>\nvoid tenon_blas_missing(void) { abort(); }\n${lines.join('\n')}\n`
}
