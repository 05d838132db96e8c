/** The scenes that an evaluation has measured, in the cache beside them or with the clips that it keeps. */
import { join } from 'node:path';
import type { EvaluationEvent, MeasuredScene, SceneJournal } from './evaluate.js';
import { fingerprintOfFacts, Journal } from './journal.js';
import { sceneName, sceneToSave } from './save-scenes.js';
import type { RunWriter } from './saved-run.js';

/** Keeps the figures and nothing else. */
export class FiguresJournal implements SceneJournal {
  readonly #journal: Journal<MeasuredScene>;

  private constructor(journal: Journal<MeasuredScene>) {
    this.#journal = journal;
  }

  /**
   * `facts` is everything that the figures follow from. Errors: `io-failed` when another process is at the same
   * evaluation.
   */
  static async open(folder: string, facts: unknown): Promise<FiguresJournal> {
    const path = join(folder, `${fingerprintOfFacts(facts)}.jsonl`);
    return new FiguresJournal(await Journal.open(path, 'this evaluation'));
  }

  get size(): number {
    return this.#journal.size;
  }

  known(seed: number): MeasuredScene | undefined {
    return this.#journal.known(String(seed));
  }

  append(scene: MeasuredScene): Promise<void> {
    return this.#journal.append(String(scene.result.seed), scene);
  }

  remove(): Promise<void> {
    return this.#journal.remove();
  }

  close(): Promise<void> {
    return this.#journal.close();
  }
}

/** Keeps every clip as well, in a saved run. */
export class ClipsJournal implements SceneJournal {
  constructor(readonly writer: RunWriter<MeasuredScene>) {}

  get size(): number {
    return this.writer.size;
  }

  known(seed: number): MeasuredScene | undefined {
    return this.writer.known(sceneName(seed));
  }

  append(scene: MeasuredScene, event: Extract<EvaluationEvent, { kind: 'scene' }>): Promise<void> {
    return this.writer.add(sceneToSave(event), scene);
  }

  /** `writer.end` has done so. */
  async remove(): Promise<void> {}

  close(): Promise<void> {
    return this.writer.close();
  }
}
