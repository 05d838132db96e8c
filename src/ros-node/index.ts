/** `aid-planner/ros`: the planner as a ROS 2 node. Importing it without ROS 2 throws an AidError `ros-unavailable`. */

export { CommandError, ERROR_CODE, type ErrorName } from './error-codes.js';
export type * from './messages.js';
export { DEFAULT_NAME, type RunningNode, runNode } from './run-node.js';
