/** State texts without a model: the instruction's words set into fixed sentences. */
import { throwIfAborted } from '../errors.js';
import type { Frame } from './frame.js';
import type { StatePrompt, StatePrompter, StateTexts } from './state-prompter.js';

/** The sentences of each form of instruction. In braces: words taken from the instruction. */
const SENTENCES = {
  place: [
    'the arm is away from the {object}',
    'the arm holds the {object}',
    'the arm moves the {object} to the {target}',
    'the {object} is {relation} the {target}',
  ],
  remove: [
    'the arm is away from the {object}',
    'the arm holds the {object}',
    'the arm moves the {object} away from the {target}',
    'the {object} is away from the {target}',
  ],
  pushTo: [
    'the arm is away from the {object}',
    'the arm touches the {object}',
    'the arm moves the {object} to the {target}',
    'the {object} is {relation} the {target}',
  ],
  pushTowards: [
    'the arm is away from the {object}',
    'the arm touches the {object}',
    'the arm moves the {object} to the {direction}',
    'the {object} is further to the {direction}',
  ],
  pushAlong: [
    'the arm is away from the {object}',
    'the arm touches the {object}',
    'the arm moves the {object} {direction}',
    'the {object} is further {direction}',
  ],
  pick: [
    'the arm is away from the {object}',
    'the arm touches the {object}',
    'the arm lifts the {object}',
    'the arm holds the {object}',
  ],
  open: [
    'the {object} is closed',
    'the arm touches the {object}',
    'the arm opens the {object}',
    'the {object} is open',
  ],
  close: [
    'the {object} is open',
    'the arm touches the {object}',
    'the arm closes the {object}',
    'the {object} is closed',
  ],
  turnOn: [
    'the {object} is off',
    'the arm touches the {object}',
    'the arm turns the {object} on',
    'the {object} is on',
  ],
  turnOff: [
    'the {object} is on',
    'the arm touches the {object}',
    'the arm turns the {object} off',
    'the {object} is off',
  ],
  pour: [
    'the arm is away from the {object}',
    'the arm holds the {object}',
    'the arm pours the {object} {relation} the {target}',
    'the {object} is {relation} the {target}',
  ],
  other: [
    'the arm is ready to {instruction}',
    'the arm starts to {instruction}',
    'the arm continues to {instruction}',
    '{instruction} is done',
  ],
} as const satisfies Record<string, StateTexts>;
type Form = keyof typeof SENTENCES;

/** Where something is when it has been brought there; other relations stay as they are. */
const RELATIONS: Readonly<Record<string, string>> = {
  onto: 'on',
  'on top of': 'on',
  into: 'in',
  inside: 'in',
  to: 'at',
  toward: 'at',
  towards: 'at',
};

const RELATION =
  '(?<relation>on top of|onto|on|into|inside|in front of|in|next to|beside|behind|underneath|under|below|' +
  'near|over|above|against|between|to the (?:left|right|front|back)(?: side)? of|towards?|to)';
const OBJECT = '(?<object>.+?)';
const TARGET = '(?<target>.+)';
const PUT =
  '(?:put|place|set|move|drop|lay|stack|bring|transfer|return|insert|shift|take|carry|pick and place)';
const PUSH = '(?:push|slide|nudge|shove|drag|pull|sweep)';
const TAKE = '(?:pick up|pick|grab|grasp|take|lift up|lift|get|fetch)';
const ADVERB = '(?: down| back| over| up)?';

/** Tried in this order. */
const FORMS: readonly (readonly [Form, RegExp])[] = (
  [
    [
      'place',
      `${TAKE} ${OBJECT}(?: up)?,? (?:and then|and|then) ${PUT} (?:it|them)${ADVERB} ${RELATION} ${TARGET}`,
    ],
    [
      'pushTowards',
      `(?:${PUSH}|move|shift) ${OBJECT}(?: over)?(?: to the| towards? the)? (?<direction>left|right|front|back)` +
        '(?: side)?(?: by pushing it)?',
    ],
    [
      'pushAlong',
      `(?:${PUSH}|move|shift) ${OBJECT} (?<direction>forwards?|backwards?|away|closer)(?: by pushing it)?`,
    ],
    ['place', `${OBJECT} (?:goes|belongs|should go|should be) ${RELATION} ${TARGET}`],
    ['place', `${PUT} ${OBJECT}(?: from .+?)?${ADVERB} ${RELATION} ${TARGET}`],
    ['pushTo', `${PUSH} ${OBJECT}(?: from .+?)?${ADVERB} ${RELATION} ${TARGET}`],
    ['remove', `(?:remove|${PUSH}|${PUT}|${TAKE}) ${OBJECT} (?:from|out of|off of|off|away from) ${TARGET}`],
    ['pick', `(?:${TAKE}|hold|raise) ${OBJECT}(?: up)?`],
    ['open', `open ${OBJECT}`],
    ['close', `(?:close|shut) ${OBJECT}`],
    ['turnOn', `(?:turn|switch) on ${OBJECT}`],
    ['turnOn', `(?:turn|switch) ${OBJECT} on`],
    ['turnOff', `(?:turn|switch) off ${OBJECT}`],
    ['turnOff', `(?:turn|switch) ${OBJECT} off`],
    ['pour', `(?:pour|empty|dump) ${OBJECT}(?: from .+?| out of .+?)? ${RELATION} ${TARGET}`],
  ] as const
).map(([form, pattern]) => [form, new RegExp(`^${pattern}$`)]);

/** Longer ones are no simple command, and costly to match. */
const MAX_LENGTH = 300;
/** What the states repeat of such a one, which is more than a text tower reads: whole words, if there are any. */
const REPEATED = /^(?:.{1,2000}(?= |$)|.{1,2000})/su;

/**
 * Turns an instruction into four states: "put the A on the B" becomes "the arm is away from the A", "the arm holds
 * the A", "the arm moves the A to the B", "the A is on the B". It knows the common forms of putting, stacking,
 * pushing, picking up, removing, opening, closing, switching and pouring, and repeats anything else in four
 * sentences that fit everything, the beginning of it where it is very long. It does not look at the frame. The same instruction gives the same states; the
 * number in its name changes with the sentences.
 */
export class TemplateStatePrompter implements StatePrompter {
  readonly name = 'template/1';

  async states({
    instruction,
    abortSignal,
  }: {
    readonly frame?: Frame;
    readonly instruction: string;
    readonly abortSignal?: AbortSignal | undefined;
  }): Promise<StatePrompt> {
    throwIfAborted(abortSignal, 'state prompter');
    return { states: templateStates(instruction), writtenBy: this.name };
  }
}

/** The four states of an instruction, in lower case. */
export function templateStates(instruction: string): StateTexts {
  const text = plain(instruction);
  return commandStates(text) ?? fill(SENTENCES.other, { instruction: text });
}

function commandStates(text: string): StateTexts | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  for (const [form, pattern] of FORMS) {
    const groups = pattern.exec(text)?.groups;
    if (groups === undefined) continue;
    const { direction = '', relation = '' } = groups;
    const object = withoutArticle(groups.object ?? '');
    const target = withoutArticle(groups.target ?? '');
    // "put it there": what "it" is, only a picture could tell.
    if (isPronoun(object) || isPronoun(target)) return undefined;
    return fill(SENTENCES[form], { object, target, direction, relation: RELATIONS[relation] ?? relation });
  }
  return undefined;
}

/** Lower case, single spaces, no full stop, nothing polite. */
function plain(instruction: string): string {
  const text = instruction.toLowerCase().replaceAll(/\s+/g, ' ').trim();
  if (text.length > MAX_LENGTH) return REPEATED.exec(text)?.[0] ?? text;
  const command = text
    .replace(/^(?:please |robot,? |can you |could you |now,? )+/, '')
    .replace(/[.!? ]+$/, '')
    .replace(/,? please$/, '');
  return command === '' ? text : command;
}

function withoutArticle(phrase: string): string {
  return phrase.trim().replace(/^(?:the|a|an|some|this|that|your|my|its) /, '');
}

function isPronoun(phrase: string): boolean {
  return /^(?:it|them|this|that|these|those|there|here)$/.test(phrase);
}

function fill(sentences: StateTexts, words: Readonly<Record<string, string>>): StateTexts {
  const filled = (sentence: string): string =>
    sentence.replaceAll(/\{(\w+)\}/g, (_, name: string) => words[name] ?? '');
  const [start, grasp, moving, done] = sentences;
  return [filled(start), filled(grasp), filled(moving), filled(done)];
}
