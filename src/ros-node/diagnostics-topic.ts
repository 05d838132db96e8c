/** The topic /diagnostics. */
import { timeFromNs } from '../sdk/messages/time.js';
import { diagnosticArray } from './diagnostics.js';
import type { ManagedNode } from './managed-node.js';
import { reportIncompatible, topicOptions } from './quality-of-service.js';
import { ros } from './rclnodejs.js';
import { TOPICS } from './topics.js';
import type { Work } from './work.js';

/** Tells of the node's health, as often as the parameters say, for as long as the node is there. */
export function publishDiagnostics(node: ManagedNode, work: Work): void {
  const topic = '/diagnostics';
  const events = reportIncompatible(node, topic, new ros.PublisherEventCallbacks());
  const publisher = node.createPublisher(TOPICS[topic].type, topic, topicOptions(topic), events);
  const period = BigInt(Math.round(node.settings.diagnostics_period * 1e9));
  const fullName = `${node.namespace() === '/' ? '' : node.namespace()}/${node.name()}`;
  node.createTimer(period, () => {
    const health = {
      fullName,
      state: node.state,
      isEnabled: work.isEnabled,
      isBusy: work.queue.isBusy,
      model: work.loaded?.model,
      statistics: work.statistics,
      imagesReceived: work.camera.received,
      imageAgeMs: work.camera.ageMs,
      maxImageAgeMs: node.settings.max_image_age * 1000,
      callbackErrors: node.callbackErrors,
      transitionError: node.transitionError,
      nowMs: performance.now(),
    };
    publisher.publish(diagnosticArray(health, timeFromNs(node.now())));
  });
}
