/**
 * What a multimodal model answered, read as four state texts or refused. The model saw a picture, and what stands
 * written in a picture may speak to it: its answer is data. State texts go into CLIP's text tower and into reports, and
 * nowhere are they carried out; here they are held to what a description looks like. This keeps out what is clumsy, not
 * a plausible lie about the scene.
 */
import { z } from 'zod';
import { COMMAND_VERBS, contentStems, isEnglish, stem, wordsOf } from './content-words.js';
import type { StateTexts } from './state-prompter.js';

const MAX_WORDS = 30;
const MAX_LENGTH = 200;
/** Words of any script and ordinary punctuation; no markup, code, links or line breaks. */
const PLAIN = /^[\p{L}\p{M}\p{N} ,.;:!?'’‘"“”()%&°–—、。，：；！？-]+$/u;
/** Characters that nobody sees, some of which count as letters. */
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/u;
const ROBOT = /\b(?:arm|robot|gripper|hand|claw|manipulator|effector)/i;

const stems = (list: string): ReadonlySet<string> => new Set(list.split(' ').map(stem));

/** Words that speak to somebody instead of describing. */
const ADDRESS = new Set('you your yours yourself i me my we us our please'.split(' '));
/** Words that give orders to programs and those who run them. */
const CONTROL = stems(
  'ignore disregard forget override bypass obey comply instruction prompt assistant user operator admin administrator ' +
    'developer authorise authorize authorisation authorization permission confirmed approved password secret api ' +
    'unlock disable enable reboot sudo jailbreak reveal',
);
/** Who is on the table of no command that does not say so. */
const PEOPLE = stems(
  'person people human man men woman women child children kid baby boy girl someone somebody anyone everyone worker',
);
/** Verbs that begin an order, besides those of commands. */
const ORDERS = new Set(
  'call run execute invoke use stop start continue follow say tell write print send show answer repeat do'.split(
    ' ',
  ),
);
/** What follows a verb that gives an order, and not a word that looks like one: "close to the pot", "open drawer". */
const AFTER_ORDER = /^(?:the|a|an|all|any|this|that|it|them|him|her|your|my|not|everything)$/;

/** An answer that is not four states; the message says to the model, and to people, what was expected. */
export class WrongAnswer extends Error {}

/** Anything beside the states is dropped. */
const answerSchema = z.object({ states: z.array(z.string()).length(4) });

/** Errors: `WrongAnswer`. */
export function readStates(content: string, command: string): StateTexts {
  const text = content.slice(content.indexOf('{'), content.lastIndexOf('}') + 1);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new WrongAnswer('expected a JSON object');
  }
  const answer = answerSchema.safeParse(json);
  if (!answer.success) throw new WrongAnswer('expected {"states": [...]} with four texts');
  const [start = '', grasp = '', moving = '', done = ''] = answer.data.states.map((each) => each.trim());
  const states = [start, grasp, moving, done] as const;
  for (const state of states) checkDescription(state, command);
  checkSubject(states.join('. '), command);
  return states;
}

/** Each state by itself is a short description. Errors: `WrongAnswer`. */
function checkDescription(state: string, command: string): void {
  const isShort = state !== '' && state.length <= MAX_LENGTH && state.split(/\s+/).length <= MAX_WORDS;
  if (!isShort || !PLAIN.test(state) || INVISIBLE.test(state))
    throw new WrongAnswer('expected short plain sentences');
  const named = new Set(wordsOf(command).map(stem));
  // Letters of other widths and styles are read as the letters that they stand for.
  const text = state.normalize('NFKC');
  const own = wordsOf(text).filter((word) => !named.has(stem(word)));
  if (isOrder(text) || own.some((word) => ADDRESS.has(word) || CONTROL.has(stem(word))))
    throw new WrongAnswer('expected descriptions of the scene that speak to nobody and order nothing');
  if (own.some((word) => PEOPLE.has(stem(word))))
    throw new WrongAnswer('expected nobody in the states whom the command does not name');
}

/** Whether a part of a sentence begins as an order does: a bare verb, then what it is done to. */
function isOrder(state: string): boolean {
  return state.split(/[,.;:!?–—]/).some((part) => {
    const [first = '', second] = wordsOf(part).filter(
      (word) => !/^(?:and|then|now|next|finally|first)$/.test(word),
    );
    const isVerb = ORDERS.has(first) || COMMAND_VERBS.has(first);
    return isVerb && second !== undefined && AFTER_ORDER.test(second);
  });
}

/**
 * The four together are about what the command names: half of it at least, as a model may call a mug a cup. Where the
 * command is not in the language of the states nobody can tell. Errors: `WrongAnswer`.
 */
function checkSubject(states: string, command: string): void {
  if (!isEnglish(states)) return;
  const subject = isEnglish(command) ? [...contentStems(command)] : [];
  const told = new Set(wordsOf(states).map(stem));
  const missing = subject.filter((each) => !told.has(each));
  if (missing.length > subject.length / 2)
    throw new WrongAnswer('expected states about the objects of the command, by its own words');
  if (subject.length === 0 && !ROBOT.test(states))
    throw new WrongAnswer('expected states about the arm and what it does');
}
