import type { Command } from 'commander';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** A verb with what may follow it. */
interface Node {
  /** Words from the program on, without the program. */
  readonly path: readonly string[];
  readonly description: string;
  readonly verbs: readonly string[];
  readonly options: readonly { readonly long: string; readonly takesValue: boolean; readonly description: string }[];
}

/** The script that completes verbs and options in a shell; names of files are the shell's own business. */
export function completionScript(program: Command, shell: Shell): string {
  const nodes = nodesOf(program, []);
  if (shell === 'fish') return fishScript(nodes);
  return shell === 'zsh' ? `autoload -U +X bashcompinit && bashcompinit\n${bashScript(nodes)}` : bashScript(nodes);
}

function nodesOf(command: Command, path: readonly string[]): Node[] {
  const own = {
    path,
    description: command.description(),
    verbs: command.commands.map((each) => each.name()),
    options: command.options.flatMap(({ long, required, description }) =>
      long === undefined || long === null ? [] : [{ long, takesValue: required, description }],
    ),
  };
  return [own, ...command.commands.flatMap((each) => nodesOf(each, [...path, each.name()]))];
}

/** The verbs typed so far decide; the longest first, because values of options may follow. */
function bashScript(nodes: readonly Node[]): string {
  const withValue = [
    ...new Set(nodes.flatMap(({ options }) => options.filter((each) => each.takesValue).map(({ long }) => long))),
  ];
  const cases = nodes
    .toSorted((a, b) => b.path.length - a.path.length)
    .map(({ path, verbs, options }) => {
      const words = [...verbs, ...options.map(({ long }) => long), '--help'].join(' ');
      const pattern = path.length === 0 ? '*' : `"${path.map((word) => ` ${word}`).join('')}"*`;
      return `    ${pattern}) words="${words}" ;;`;
    });
  return `_av10() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" verbs="" word words
  COMPREPLY=()
  case "$previous" in ${withValue.join('|')}) return ;; esac
  for word in "\${COMP_WORDS[@]:1:$((COMP_CWORD - 1))}"; do
    case "$word" in -*) ;; *) verbs="$verbs $word" ;; esac
  done
  case "$verbs" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _av10 av10`;
}

function fishScript(nodes: readonly Node[]): string {
  const described = new Map(nodes.map(({ path, description }) => [path.join(' '), description]));
  const lines = nodes.flatMap(({ path, verbs, options }) => {
    const seen = path.map((word) => `__fish_seen_subcommand_from ${word}`).join('; and ');
    const here = path.length === 0 ? '__fish_use_subcommand' : seen;
    const fresh = path.length === 0 ? here : `${seen}; and not __fish_seen_subcommand_from ${verbs.join(' ')}`;
    return [
      ...verbs.map(
        (verb) =>
          `complete -c av10 -f -n '${fresh}' -a ${verb} -d ${quoted(described.get([...path, verb].join(' ')) ?? '')}`,
      ),
      ...options.map(
        ({ long, takesValue, description }) =>
          `complete -c av10 -n '${here}' -l ${long.slice(2)}${takesValue ? ' -r' : ''} -d ${quoted(description)}`,
      ),
    ];
  });
  return lines.join('\n');
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
