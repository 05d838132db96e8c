/** The services ~/reset and ~/set_enabled. */
import { CommandError, ERROR_CODE } from './error-codes.js';
import type { ManagedNode } from './managed-node.js';
import type { Service } from './rclnodejs.js';
import type { Teardown } from './teardown.js';
import { disabled, type Work } from './work.js';

/** `undo` hears of each service. */
export function createServices(node: ManagedNode, work: Work, undo: Teardown): void {
  /** `nothing` is what the answer holds beside the error where there is one. */
  const serve = <Request extends object, Answer extends object>(
    type: string,
    name: string,
    nothing: Answer,
    answer: (request: Request) => Promise<Answer>,
  ): void => {
    const service: Service = node.createService<Request>(type, name, async (request, response) => {
      try {
        const done = await answer(request);
        response.send({ ...done, success: true, error_code: ERROR_CODE.NONE, error_msg: '' });
      } catch (thrown) {
        node.report(name, thrown);
        const { error, message } = CommandError.from(thrown);
        response.send({ ...nothing, success: false, error_code: ERROR_CODE[error], error_msg: message });
      }
    });
    undo.add(() => node.destroyService(service));
  };
  serve<{ forget_image: boolean }, { ended: number }>(
    'aid_msgs/srv/Reset',
    '~/reset',
    { ended: 0 },
    async ({ forget_image }) => {
      if (forget_image) work.camera.forgetImage();
      return { ended: await work.queue.endAll(new CommandError('RESET', 'ended by the service reset')) };
    },
  );
  serve<{ enabled: boolean }, { was_enabled: boolean }>(
    'aid_msgs/srv/SetEnabled',
    '~/set_enabled',
    { was_enabled: false },
    async ({ enabled }) => {
      const was_enabled = work.isEnabled;
      work.isEnabled = enabled;
      if (!enabled) await work.queue.endAll(disabled());
      return { was_enabled };
    },
  );
}
