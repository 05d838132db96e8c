/** How messages are kept and delivered, and telling when two sides do not agree on it. */
import type { ManagedNode } from './managed-node.js';
import { type EventCallbacks, type PublisherOptions, type Qos, ros } from './rclnodejs.js';
import { TOPICS, type Topic, type TopicName } from './topics.js';

export function qos(depth: number, quality: Topic['quality']): Qos {
  const { HistoryPolicy, ReliabilityPolicy, DurabilityPolicy } = ros.QoS;
  const policy = (policies: Readonly<Record<string, number>>, name: string): number => {
    const value = policies[name];
    if (value === undefined) throw new Error(`rclnodejs has no ${name}`);
    return value;
  };
  return new ros.QoS(
    policy(HistoryPolicy, 'RMW_QOS_POLICY_HISTORY_KEEP_LAST'),
    depth,
    policy(
      ReliabilityPolicy,
      `RMW_QOS_POLICY_RELIABILITY_${quality === 'best-effort' ? 'BEST_EFFORT' : 'RELIABLE'}`,
    ),
    policy(
      DurabilityPolicy,
      `RMW_QOS_POLICY_DURABILITY_${quality === 'latched' ? 'TRANSIENT_LOCAL' : 'VOLATILE'}`,
    ),
  );
}

/** A topic's own, unless `qos_overrides` says otherwise. */
export function topicOptions(topic: TopicName): PublisherOptions {
  const { depth, quality } = TOPICS[topic];
  return {
    qos: qos(depth, quality),
    qosOverridingOptions: ros.QoSOverridingOptions.withDefaultPolicies(),
  };
}

/** Logs that another side asks for a quality of service that this one does not offer, or the reverse. */
export function reportIncompatible(node: ManagedNode, topic: string, events: EventCallbacks): EventCallbacks {
  events.incompatibleQos = ({ last_policy_kind }) =>
    node
      .getLogger()
      .error(
        `${node.resolveTopicName(topic)}: quality of service does not match (policy ${last_policy_kind}: ` +
          `${QOS_POLICIES[last_policy_kind] ?? 'unknown'}), no messages pass; see qos_overrides`,
      );
  return events;
}

/** rmw_qos_policy_kind_t. */
const QOS_POLICIES: Readonly<Record<number, string>> = {
  2: 'durability',
  4: 'deadline',
  8: 'liveliness',
  16: 'reliability',
  32: 'history',
  64: 'lifespan',
};
