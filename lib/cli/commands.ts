/** @file The `tenon` command: reads the arguments, hands them on, turns errors into messages and exit codes (1 failed, 2 wrong use). */
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { TenonError } from '../errors.ts'
import { version } from '../version.ts'
import { printable } from './text-table.ts'

/** As shells count a process that SIGINT ended. */
const INTERRUPTED = 130

/** Node's names for what is wrong with a file or folder, for which the message says enough. */
const isSystemError = (error: unknown): error is Error => error instanceof Error && 'syscall' in error

/** Runs the command with these arguments; gives its exit code. */
export async function tenon(args: readonly string[]): Promise<number> {
  let code = 0
  const program = commands((value) => (code = value))
  try {
    if (args.length === 0) program.outputHelp()
    else await program.parseAsync(args, { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    if (!(error instanceof TenonError) && !isSystemError(error)) throw error
    console.error(`error: ${error.message.split('\n').map(printable).join('\n')}`)
    return 1
  }
}

function commands(exitWith: (code: number) => void): Command {
  const program = new Command('tenon')
    .description('Deep learning for Node.js.')
    .version(version())
    .exitOverride()
    .showHelpAfterError('(tenon help says what there is)')
  program
    .command('demo')
    .description('train a network that reads handwritten digits, in under a minute')
    .option('--data <folder>', 'MNIST as its four idx files, instead of digits that tenon draws')
    .option('--seed <n>', 'of weights and order', integerFrom(0), 0)
    .option('--epochs <n>', 'times through the data (default: 3, with --data 5)', integerFrom(1))
    .option('--out <folder>', 'for the model and the report', 'tenon-demo')
    .action(async (options) => exitWith((await (await import('./demo.ts')).demo(options)) ? 0 : INTERRUPTED))
  program
    .command('env')
    .description('versions, processor, threads and memory, for a bug report; fails if the addon does not work here')
    .option('--json', 'as JSON')
    .action(async (options) => exitWith((await import('./env.ts')).printEnvironment(options) ? 0 : 1))
  program
    .command('inspect')
    .description(
      'what a file holds: ONNX, safetensors (or a folder with them), PyTorch, GGUF, npz, npy; what a model costs',
    )
    .argument('<file>')
    .option('--json', 'as JSON')
    .option('--shape <sizes...>', 'a model: what a run costs for inputs so large, 1,3,224,224 or name=1,3,224,224')
    .addOption(
      new Option('--graph <form>', 'a model: its graph, as a list, as a picture, or as the program that runs').choices([
        'text',
        'svg',
        'plan',
      ]),
    )
    .option('--out <file>', 'for the graph')
    .action(async (file, options) => (await import('./inspect.ts')).inspect(file, options))
  program
    .command('convert')
    .description(
      'the same tensors in another format: .safetensors, .npz, .npy, .gguf, or a folder of safetensors files; models to and from .gguf, and to .onnx',
    )
    .argument('<in>', 'safetensors (or a folder with them), PyTorch, GGUF, npz, npy, or the parameters of ONNX')
    .argument('<out>')
    .option('--key <name>', "the part of a PyTorch checkpoint to take, 'state_dict' say")
    .addOption(
      new Option('--quantize <kind>', '.gguf: what matrices become').choices([
        ...['q8_0', 'q4_0', 'q4_K', 'q6_K'],
        ...['f16', 'bf16', 'f32'],
      ]),
    )
    .action(async (from, to, options) => (await import('./convert.ts')).convert(from, to, options))
  program
    .command('run')
    .description('what a model computes from tensors in files')
    .argument('<model>', "an ONNX file, or a folder with config.json in Hugging Face's form")
    .option('--input <files...>', 'npy, npz or safetensors, in the order of the inputs or as name=file')
    .option('--output <file>', 'for the outputs: .npz, .safetensors, or .npy for a single one')
    .action(async (model, options) => (await import('./run.ts')).run(model, options))
  return program
}

function integerFrom(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= least) return value
    throw new InvalidArgumentError(`It must be an integer from ${least} on.`)
  }
}
