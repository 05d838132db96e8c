import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { describeWithRos, rosEnvironment } from './ros-world.js';

describeWithRos('the set-up of ROS 2', () => {
  it('is found again from a shell that has its environment', () => {
    const script = `eval "$('${process.execPath}' scripts/set-up-ros.mjs --shell)"
      '${process.execPath}' scripts/set-up-ros.mjs --find`;
    const { stdout } = spawnSync('bash', ['-c', script], { encoding: 'utf8' });
    const found = JSON.parse(stdout) as Record<string, string> | null;
    const first = (environment: Record<string, string> | null) =>
      environment?.AMENT_PREFIX_PATH?.split(':')[0];
    expect(first(found)).toBe(first(rosEnvironment));
    expect(Object.keys(found ?? {})).toEqual(Object.keys(rosEnvironment ?? {}));
  });
});
