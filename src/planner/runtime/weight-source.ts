import type { StoredTensor } from '../weights/safetensors.js';

/** Finds the stored tensor of a parameter by its key, undefined when it is to be given at every run. */
export type WeightSource = (key: string) => StoredTensor | undefined;

/** Every parameter is given at every run. */
export const noWeights: WeightSource = () => undefined;
