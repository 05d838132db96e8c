/** `aid-planner/ros`: the planner as a ROS 2 node. Importing it without ROS 2 throws an AidError `ros-unavailable`. */

export type * from '../sdk/messages/messages.js';
export { CommandError, ERROR_CODE, type ErrorName } from './error-codes.js';
export { DEFAULT_NAME, type RunningNode, runNode } from './run-node.js';
