import { type ClientFlags, requireId, requireUrls } from '../client.ts';
import type { Terminal } from '../terminal.ts';
import { type Explanation, explain } from '../why/explanation.ts';
import { observe } from '../why/observation.ts';

const NOBODY_ANSWERED = 8;

/** `av10 why`: explains a stall. Finding a cause is a success, whatever it is. Resolves to the exit status. */
export async function runWhy({ url, networkId }: ClientFlags, terminal: Terminal): Promise<number> {
  const urls = requireUrls(url);
  if (networkId !== undefined) requireId(networkId, '--network-id');
  const observations = await observe(urls);
  const explanation = explain(observations, networkId, Date.now());
  terminal.result({ ...explanation, causes: explanation.causes.map((cause) => ({ ...cause })) }, lines(explanation));
  return observations.some(({ kind }) => kind === 'seen') ? 0 : NOBODY_ANSWERED;
}

function lines({ stalled, headline, causes, attempts }: Explanation): string[] {
  const found = causes.flatMap(({ code, finding, advice }) => [`- ${code}: ${finding}`, `    ${advice}`]);
  const nothing = 'No cause shows from here: name the APIs of the other validators too, each with --url.';
  return [
    headline,
    ...(causes.length > 0 ? found : stalled ? [nothing] : []),
    ...(attempts.length > 0 ? [`Next by itself: ${attempts.join('; ')}.`] : []),
  ];
}
