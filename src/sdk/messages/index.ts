/** ROS 2 messages and bags of them, for programs without ROS. */

export { readCameraInfo } from './camera-calibration.js';
export { type ClipBag, framesOfClip, readClipBag, requestOfClip, writeClipBag } from './clip-bag.js';
export { type ClipOrigin, type ClipParts, clipMessage } from './clip-message.js';
export { fullDefinition } from './definitions.js';
export * from './images.js';
export type * from './messages.js';
