/** What the camera topics brought last. */
import { frameFromCompressedImage, frameFromImage } from '../sdk/messages/images.js';
import type { CameraInfoMessage, CompressedImageMessage, ImageMessage } from '../sdk/messages/messages.js';
import { LatestImage } from './latest-image.js';
import type { ManagedNode } from './managed-node.js';
import type { Given } from './order.js';

export class Camera {
  readonly #node: ManagedNode;
  readonly #images: LatestImage<ImageMessage | CompressedImageMessage>;
  info: CameraInfoMessage | undefined;

  constructor(node: ManagedNode) {
    this.#node = node;
    this.#images = new LatestImage(() => node.now());
  }

  put(image: ImageMessage | CompressedImageMessage): void {
    this.#images.put(image);
  }

  /** Pictures that came in. */
  get received(): number {
    return this.#images.received;
  }

  /** Milliseconds; undefined where there is no picture. */
  get ageMs(): number | undefined {
    return this.#images.ageMs;
  }

  forgetImage(): void {
    this.#images.forget();
  }

  forget(): void {
    this.#images.forget();
    this.info = undefined;
  }

  /**
   * The latest frame that is new enough, waited for as long as the parameters and `leftMs` allow. Errors:
   * CommandError `NO_IMAGE`, `STALE_IMAGE`; those of a malformed picture; the signal's reason.
   */
  async look(abortSignal: AbortSignal, leftMs: number | undefined): Promise<Given> {
    const { max_image_age, command_timeout } = this.#node.settings;
    const image = await this.#images.next({
      maxAgeMs: max_image_age * 1000,
      timeoutMs: Math.max(0, Math.min(command_timeout * 1000, leftMs ?? Number.POSITIVE_INFINITY)),
      abortSignal,
    });
    const frame = 'encoding' in image ? frameFromImage(image) : await frameFromCompressedImage(image);
    return { frames: [frame], header: image.header };
  }
}
