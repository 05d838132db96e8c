/** The node as a process: from the command line to the last signal. */
import { ManagedNode } from './managed-node.js';
import { PlannerNode } from './planner-node.js';
import { ros } from './rclnodejs.js';
import { parseRosArguments } from './ros-arguments.js';

export const DEFAULT_NAME = 'aid_planner';

export interface RunningNode {
  /** Deactivates, cleans up, and takes the node from the graph; resolves when it is done. */
  shutdown(): Promise<void>;
}

/** Starts the node. `args` are those of the command line, ROS arguments among them. Errors: `invalid-config`. */
export async function runNode(args: readonly string[]): Promise<RunningNode> {
  const parsed = parseRosArguments(args, DEFAULT_NAME);
  // It would end the context under the node's feet.
  ros.removeSignalHandlers();
  const context = ros.Context.defaultContext();
  await ros.init(context, [...args]);
  const node = new ManagedNode(parsed, context);
  new PlannerNode(node);
  node.spin();
  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    if (node.state !== 'finalized') await node.change('shutdown');
    node.stop();
    node.destroy();
    context.shutdown();
  };
  if (node.settings.autostart) {
    void node.change('configure').then((done) => (done ? node.change('activate') : false));
  }
  return {
    shutdown: () => {
      stopping ??= stop();
      return stopping;
    },
  };
}
