/**
 * The words of an English command that say what it is about, so that other sentences can be compared with it. A short
 * list and a short stemmer: enough for commands of a sentence, whose nouns come back as singular or plural.
 */

const words = (list: string): ReadonlySet<string> => new Set(list.split(' '));

/** Words that stand in any sentence, and places that are no objects. */
const STOP_WORDS = words(
  'a an the this that these those some any all both each every of in on at to into onto from off out with without by ' +
    'for and or but then next while until before after again as is are be being been it its them they their there here ' +
    'now please robot arm gripper can could would will up down over under above below behind beside near inside between ' +
    'against around through toward towards away back left right front top bottom side middle centre center corner edge ' +
    'end one other another so not no do go stop start carefully gently slowly quickly',
);

/** What a robot is told to do; a state says it with another word. */
export const COMMAND_VERBS = words(
  'put place set move drop lay stack bring transfer return insert shift take carry pick grab grasp get fetch lift raise ' +
    'hold remove push slide nudge shove drag pull sweep open close shut turn switch pour empty dump wipe clean fold ' +
    'unfold press rotate flip throw toss hit reach touch release let make cover arrange sort',
);

/** Words of English commands that hardly any other language has: `in`, `bring` and `pour` are not among them. */
const ENGLISH = words(
  'the this that these onto into from with off up down left right next between beside behind inside away towards it its ' +
    'put move pick grab take push pull turn slide stack wipe',
);

/** Letters and digits of any script, in lower case. */
export function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{M}\p{N}]+/gu) ?? [];
}

/** Whether a text has a word that makes it English. */
export function isEnglish(text: string): boolean {
  return wordsOf(text).some((word) => ENGLISH.has(word));
}

/** The stems of what a command is about, without what is to be done with it. */
export function contentStems(command: string): Set<string> {
  const content = wordsOf(command).filter((word) => !STOP_WORDS.has(word) && !COMMAND_VERBS.has(word));
  return new Set(content.map(stem));
}

/** A word without its ending: `cups` and `cup`, `knives` and `knife`, `stacked` and `stack` have one stem. */
export function stem(word: string): string {
  let short = word;
  const cut = (ending: RegExp, instead = ''): void => {
    const without = short.replace(ending, instead);
    if (without.length > 2) short = without;
  };
  cut(/(?<=i)es$|(?<=s|x|z|ch|sh)es$|(?<![su])s$/);
  cut(/(?<=[aeiouy]\w*)(?:ing|ed)$/);
  cut(/(?<=([bdgklmnprt]))\1$/);
  cut(/(?<=\w\w)e$/);
  return short.replace(/y$/, 'i').replace(/v$/, 'f');
}
