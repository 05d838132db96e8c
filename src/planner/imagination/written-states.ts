/** The state texts of a clip, whoever writes them: what comes from outside is checked before anything runs on it. */
import {
  isStateTexts,
  type StatePrompt,
  type StatePrompter,
  type StateTexts,
} from '../conditioning/state-prompter.js';
import { AidError, kindOf, messageOf } from '../errors.js';
import { NUM_STATES } from '../models/aid-config.js';

/** What a prompter writes. Errors: `state-prompter-failed`, `aborted`. */
export async function askPrompter(
  prompter: StatePrompter,
  request: Parameters<StatePrompter['states']>[0],
): Promise<StatePrompt> {
  let written: StatePrompt;
  try {
    written = await prompter.states(request);
  } catch (cause) {
    if (AidError.isInstance(cause)) throw cause;
    throw new AidError('state-prompter-failed', `${prompter.name}: ${messageOf(cause)}`, { cause });
  }
  const wrong = wrongWith(written);
  if (wrong !== undefined) throw new AidError('state-prompter-failed', `${prompter.name}: ${wrong}`);
  return written;
}

/** Those of a request. Errors: `invalid-argument`. */
export function checkedStates(states: StateTexts | StatePrompt): StatePrompt {
  const prompt = isStateTexts(states) ? { states, writtenBy: 'caller' } : states;
  const wrong = Array.isArray(prompt) ? wrongTexts(prompt) : wrongWith(prompt);
  if (wrong !== undefined) throw new AidError('invalid-argument', `states: ${wrong}`);
  return prompt;
}

function wrongWith(prompt: unknown): string | undefined {
  if (typeof prompt !== 'object' || prompt === null || !('states' in prompt))
    return `expected four texts, got ${kindOf(prompt)}`;
  const writtenBy = 'writtenBy' in prompt ? prompt.writtenBy : undefined;
  if (typeof writtenBy !== 'string') return `expected the name of who wrote them, got ${kindOf(writtenBy)}`;
  return wrongTexts(prompt.states);
}

function wrongTexts(texts: unknown): string | undefined {
  if (!Array.isArray(texts)) return `expected four texts, got ${kindOf(texts)}`;
  if (texts.length !== NUM_STATES) return `expected four texts, got ${texts.length}`;
  const other = texts.findIndex((text) => typeof text !== 'string');
  return other < 0 ? undefined : `expected four texts, got ${kindOf(texts[other])} among them`;
}
