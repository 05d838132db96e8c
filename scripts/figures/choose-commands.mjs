// Some of a scene's commands, chosen by what they are about.
import { SetUpError } from '../set-up.mjs';

const ownFirst = (commands) => [...commands].sort((a, b) => Number(b.commanded) - Number(a.commanded));

/** Commands that can follow one another: none touches what another has moved or stacked on. The scene's own first. */
export function apart(commands, count) {
  const touched = new Set();
  const chosen = [];
  for (const command of ownFirst(commands)) {
    const things = [command.object, ...(command.target === null ? [] : [command.target])];
    if (things.some((thing) => touched.has(thing))) continue;
    for (const thing of things) touched.add(thing);
    chosen.push(command);
  }
  return enough(chosen, count);
}

/** A put, a push and a stack, as far as there are any, the scene's own first; then more of them. */
export function oneOfEachKind(commands, count) {
  const kindOf = ({ family }) => family.split('_')[0];
  const ordered = ownFirst(commands);
  const firsts = ordered.filter(
    (command, i) => ordered.findIndex((each) => kindOf(each) === kindOf(command)) === i,
  );
  return enough([...firsts, ...ordered.filter((command) => !firsts.includes(command))], count);
}

function enough(chosen, count) {
  if (chosen.length < count)
    throw new SetUpError(
      `this scene has ${chosen.length} commands of the kind, expected ${count}: choose another`,
    );
  return chosen.slice(0, count);
}
