/**
 * What a config says of a network otherwise than the base whose tensors it goes on from: a sentence for each key.
 * Shapes do not show all of it: heads, groups and activations. `where`: the network's place in the config.
 */
export function disagreements(where: string, config: unknown, base: string, trained: unknown): string[] {
  if (isObject(config) && isObject(trained)) {
    const keys = new Set([...Object.keys(trained), ...Object.keys(config)]);
    return [...keys].flatMap((key) =>
      disagreements(where === '' ? key : `${where}.${key}`, config[key], base, trained[key]),
    );
  }
  if (isSame(config, trained)) return [];
  return [`${where}: expected ${shown(trained)}, with which ${base} was trained, got ${shown(config)}`];
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** One value stands for a list of it, as for the levels of a UNet. */
function isSame(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((each, i) => isSame(each, b[i]));
  if (Array.isArray(a)) return a.every((each) => isSame(each, b));
  return Array.isArray(b) ? isSame(b, a) : a === b;
}

const shown = (value: unknown): string =>
  typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing');
