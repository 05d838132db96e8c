import { open } from 'node:fs/promises';
import { hasMcapPrefix, MCAP_MAGIC, McapIndexedReader } from '@mcap/core';
import { FileHandleReadable } from '@mcap/nodejs';
import { loadDecompressHandlers } from '@mcap/support';
import type { BagReader, BagTopic } from './bag-reader.js';

const NOTHING = new Uint8Array();
const MAGIC_LENGTH = BigInt(MCAP_MAGIC.length);

/** Opens an MCAP file with an index. Errors: those of the file and of its format, not named. */
export async function openMcap(path: string): Promise<BagReader> {
  const file = await open(path, 'r');
  try {
    const readable = new FileHandleReadable(file);
    await checkEnd(readable);
    const reader = await McapIndexedReader.Initialize({
      readable,
      decompressHandlers: await loadDecompressHandlers(),
    });
    if (reader.chunkIndexes.length === 0 && (reader.statistics?.messageCount ?? 0n) > 0n)
      throw new Error('it has no index; "mcap compress" writes a copy with one');
    const metadata: Record<string, string> = {};
    for await (const record of reader.readMetadata()) {
      // rosbag2's own record is its metadata.yaml once more.
      if (record.name !== 'rosbag2') Object.assign(metadata, Object.fromEntries(record.metadata));
    }
    return {
      topics: topicsOf(reader),
      metadata,
      async *messages({ topics, stampsOnly = [], fromNs, toNs }) {
        const query = {
          topics: [...topics],
          ...(fromNs === undefined ? {} : { startTime: fromNs }),
          ...(toNs === undefined ? {} : { endTime: toNs }),
        };
        for await (const { channelId, logTime, data } of reader.readMessages(query)) {
          const topic = reader.channelsById.get(channelId)?.topic ?? '';
          yield { topic, stampNs: logTime, data: stampsOnly.includes(topic) ? NOTHING : data };
        }
      },
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** An MCAP file ends as it begins, once its recorder has written the index. Errors: when it does not. */
async function checkEnd(readable: FileHandleReadable): Promise<void> {
  const size = await readable.size();
  if (size < 2n * MAGIC_LENGTH) return;
  const isMagicAt = async (offset: bigint): Promise<boolean> => {
    const { buffer, byteOffset, byteLength } = await readable.read(offset, MAGIC_LENGTH);
    return hasMcapPrefix(new DataView(buffer, byteOffset, byteLength));
  };
  if ((await isMagicAt(0n)) && !(await isMagicAt(size - MAGIC_LENGTH)))
    throw new Error(
      'it has no end: its recorder was stopped, or it was cut off; "mcap recover" writes a whole copy of what is there',
    );
}

function topicsOf(reader: McapIndexedReader): BagTopic[] {
  const text = new TextDecoder();
  return [...reader.channelsById.values()].map(({ topic: name, schemaId }) => {
    const schema = reader.schemasById.get(schemaId);
    return {
      name,
      type: schema?.name ?? 'no type',
      ...(schema?.encoding === 'ros2msg' ? { definition: text.decode(schema.data) } : {}),
    };
  });
}
