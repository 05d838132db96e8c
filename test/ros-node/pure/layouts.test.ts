import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { TOPICS, type Topic } from '#ros-node/topics.js';

const topics: Readonly<Record<string, Topic>> = TOPICS;
const IMAGE = 'sensor_msgs/msg/Image';

/** The node's topic of that name, in a layout that is not in a namespace. */
function topicOf(name: string): Topic | undefined {
  return topics[name] ?? topics[name.replace(/^\//, '')];
}

it('the layout of Foxglove shows and sends what the node has, with its types', () => {
  const { configById, layout } = JSON.parse(readFileSync('launch/layouts/planner.foxglove.json', 'utf8'));
  const panels = Object.entries<Record<string, unknown>>(configById);
  expect(panels.length).toBeGreaterThan(5);
  for (const [id, config] of panels) {
    const [kind] = id.split('!');
    if (kind === 'Image') {
      const { imageTopic } = config.imageMode as { imageTopic: string };
      expect(topicOf(imageTopic)?.type, id).toBe(IMAGE);
    } else if (kind === 'Publish') {
      const topic = topicOf(config.topicName as string);
      expect(topic, id).toMatchObject({ way: 'in', type: config.datatype });
      expect(Object.keys(JSON.parse(config.value as string)), id).toEqual(['data']);
    } else {
      const name = (config.topicPath ?? config.topicToRender) as string;
      expect(topicOf(name)?.way, id).toBe('out');
    }
  }
  // Every panel that is set up is shown, and the reverse.
  const shown: string[] = [];
  const collect = (node: unknown): void => {
    if (typeof node === 'string') shown.push(node);
    else if (typeof node === 'object' && node !== null)
      for (const side of ['first', 'second'] as const) collect((node as Record<string, unknown>)[side]);
  };
  collect(layout);
  expect(shown.sort()).toEqual(panels.map(([id]) => id).sort());
});

it('the layout of RViz shows what the node has, with a quality of service that it offers', () => {
  const { 'Visualization Manager': manager } = parse(readFileSync('launch/layouts/planner.rviz', 'utf8'));
  expect(manager.Displays).toHaveLength(4);
  for (const { Class: display, Name: name, Topic: shown } of manager.Displays) {
    expect(display, name).toBe('rviz_default_plugins/Image');
    const topic = topicOf(shown.Value);
    expect(topic?.type, name).toBe(IMAGE);
    const wanted = { 'best-effort': 'Best Effort', reliable: 'Reliable', latched: 'Reliable' };
    expect(shown['Reliability Policy'], name).toBe(wanted[topic?.quality ?? 'reliable']);
    expect(shown['Durability Policy'], name).toBe(
      topic?.quality === 'latched' ? 'Transient Local' : 'Volatile',
    );
  }
});

it('the document lists every topic with its type and quality of service', () => {
  const rows = readFileSync('docs/ros.md', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| `'));
  for (const [name, { type, depth, quality }] of Object.entries(topics)) {
    const row = rows.find((line) => line.split('|')[1]?.includes(`\`${name}\``));
    expect(row, name).toContain(type.split('/').at(-1));
    const words = {
      'best-effort': `best effort, ${depth}`,
      reliable: `reliable, ${depth}`,
      latched: `reliable, ${depth}, latched`,
    };
    expect(row, name).toContain(`| ${words[quality]} |`);
  }
});
