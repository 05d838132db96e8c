import { describe, expect, test } from 'vitest';
import { TemplateStatePrompter, templateStates } from '#planner/conditioning/template-state-prompter.js';
import { TEMPLATE_WORDS } from '../../support/template-words.js';
import { picture } from './pictures.js';

const PUT = [
  'the arm is away from the red cube',
  'the arm holds the red cube',
  'the arm moves the red cube to the blue plate',
  'the red cube is on the blue plate',
];
const PUSH_LEFT = [
  'the arm is away from the red cube',
  'the arm touches the red cube',
  'the arm moves the red cube to the left',
  'the red cube is further to the left',
];

const COMMANDS: Record<string, readonly string[]> = {
  'put the red cube on the blue plate': PUT,
  'Place the red cube onto a blue plate.': PUT,
  'please set the red cube down on the blue plate!': PUT,
  'move  the red cube\nonto the blue plate': PUT,
  'pick up the red cube and put it on the blue plate': PUT,
  'take the red cube, then place it on top of the blue plate': PUT,
  'the red cube goes on the blue plate': PUT,
  'stack the red cube on top of the blue plate': PUT,
  'stack the red cube on the blue plate': PUT,
  'drop the red cube from the shelf onto the blue plate': PUT,
  'push the red cube to the left': PUSH_LEFT,
  'slide the red cube left': PUSH_LEFT,
  'nudge the red cube over to the left side': PUSH_LEFT,
  'move the red cube left by pushing it': PUSH_LEFT,
  'put the corn in the pot which is in the sink': [
    'the arm is away from the corn',
    'the arm holds the corn',
    'the arm moves the corn to the pot which is in the sink',
    'the corn is in the pot which is in the sink',
  ],
  'put the spoon to the left of the towel': [
    'the arm is away from the spoon',
    'the arm holds the spoon',
    'the arm moves the spoon to the towel',
    'the spoon is to the left of the towel',
  ],
  'push the can forward': [
    'the arm is away from the can',
    'the arm touches the can',
    'the arm moves the can forward',
    'the can is further forward',
  ],
  'push the can against the wall': [
    'the arm is away from the can',
    'the arm touches the can',
    'the arm moves the can to the wall',
    'the can is against the wall',
  ],
  'pick up the banana': [
    'the arm is away from the banana',
    'the arm touches the banana',
    'the arm lifts the banana',
    'the arm holds the banana',
  ],
  'take the lid off the pot': [
    'the arm is away from the lid',
    'the arm holds the lid',
    'the arm moves the lid away from the pot',
    'the lid is away from the pot',
  ],
  'open the drawer': [
    'the drawer is closed',
    'the arm touches the drawer',
    'the arm opens the drawer',
    'the drawer is open',
  ],
  'shut the drawer': [
    'the drawer is open',
    'the arm touches the drawer',
    'the arm closes the drawer',
    'the drawer is closed',
  ],
  'turn on the faucet': [
    'the faucet is off',
    'the arm touches the faucet',
    'the arm turns the faucet on',
    'the faucet is on',
  ],
  'switch the stove off': [
    'the stove is on',
    'the arm touches the stove',
    'the arm turns the stove off',
    'the stove is off',
  ],
  'pour the water from the cup into the bowl': [
    'the arm is away from the water',
    'the arm holds the water',
    'the arm pours the water in the bowl',
    'the water is in the bowl',
  ],
  'fold the cloth': [
    'the arm is ready to fold the cloth',
    'the arm starts to fold the cloth',
    'the arm continues to fold the cloth',
    'fold the cloth is done',
  ],
  'put it there': [
    'the arm is ready to put it there',
    'the arm starts to put it there',
    'the arm continues to put it there',
    'put it there is done',
  ],
  '?!': ['the arm is ready to ?!', 'the arm starts to ?!', 'the arm continues to ?!', '?! is done'],
};

describe('the template', () => {
  test.each(Object.entries(COMMANDS))('%j', (instruction, states) => {
    expect(templateStates(instruction)).toEqual(states);
  });

  test('adds few words of its own', () => {
    const own = new Set(TEMPLATE_WORDS);
    for (const instruction of Object.keys(COMMANDS)) {
      const given = new Set(words(instruction));
      for (const word of templateStates(instruction).flatMap(words))
        expect(own.has(word) || given.has(word), `${word} of ${instruction}`).toBe(true);
    }
  });

  test('repeats of an instruction of 10,000 words what a text tower may read', () => {
    const long = 'put the cube from the table on the plate '.repeat(1250).trim();
    const [, starts] = templateStates(long);
    expect(starts.length).toBeLessThan(2100);
    expect(`the arm starts to ${long}`.startsWith(`${starts} `)).toBe(true);
    expect(templateStates('a'.repeat(1e6))[3]).toMatch(/^a{2000} is done$/);
  });
});

describe('the template state prompter', () => {
  const prompter = new TemplateStatePrompter();
  const frame = picture(8, 8);

  test('says who wrote the states', async () => {
    expect(prompter.name).toBe('template/1');
    expect(await prompter.states({ frame, instruction: 'put the red cube on the blue plate' })).toEqual({
      states: PUT,
      writtenBy: 'template/1',
    });
  });

  test('stops when it is told to', async () => {
    await expect(
      prompter.states({ frame, instruction: 'open the drawer', abortSignal: AbortSignal.abort('enough') }),
    ).rejects.toMatchObject({ code: 'aborted', cause: 'enough' });
  });
});

function words(text: string): string[] {
  return text.toLowerCase().match(/\p{L}+|[^\s\p{L}]+/gu) ?? [];
}
