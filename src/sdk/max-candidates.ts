/** Clips of one request: all of them are held until they are ranked. */
export const MAX_CANDIDATES = 1000;
