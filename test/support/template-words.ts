/** Every word that the template's states contain besides the instruction's own. */
export const TEMPLATE_WORDS: readonly string[] = (
  'arm at away closed closes continues done from further holds in is lifts moves off on open opens pours ready starts ' +
  'the to touches turns'
).split(' ');
