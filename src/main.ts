import { fileURLToPath } from 'node:url';
import { runCli } from './cli/program.ts';

process.exitCode = await runCli(process.argv.slice(2), fileURLToPath(import.meta.url));
