/** What a rosbag2 recording gives, whatever it is stored in. */

export interface BagTopic {
  readonly name: string;
  /** Such as `std_msgs/msg/String`. */
  readonly type: string;
  /** The message definition, where the bag has one that can be read (`ros2msg`). */
  readonly definition?: string;
}

export interface BagMessage {
  readonly topic: string;
  /** When it was recorded. */
  readonly stampNs: bigint;
  /** CDR, valid until the next message is asked for; empty where it was not asked for. */
  readonly data: Uint8Array;
}

export interface BagQuery {
  readonly topics: readonly string[];
  /** Topics of these that are asked for their stamps alone. */
  readonly stampsOnly?: readonly string[];
  /** Both inclusive. */
  readonly fromNs?: bigint;
  readonly toNs?: bigint;
}

export interface BagReader {
  readonly topics: readonly BagTopic[];
  /** What the recorder wrote beside the messages. */
  readonly metadata: Readonly<Record<string, string>>;
  /** In the order of time. */
  messages(query: BagQuery): AsyncIterable<BagMessage>;
  close(): Promise<void>;
}
