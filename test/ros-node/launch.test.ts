import { spawn, spawnSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { encodePng } from '#planner/conditioning/frame.js';
import { picture } from '../planner/conditioning/pictures.js';
import { image, LoggingProcess, pythonOfRos, rosEnvironment, worldForTests } from './ros-world.js';

const folder = 'launch/launch';
const files = readdirSync(folder).filter((name) => name.endsWith('.launch.py'));

const isThere =
  rosEnvironment !== null &&
  spawnSync(pythonOfRos, ['-c', 'import launch, launch_ros.actions'], {
    env: { ...process.env, ...rosEnvironment },
  }).status === 0;
const why = isThere ? '' : ' (the Python packages launch and launch_ros are not installed)';

describe.skipIf(!isThere)(`launch files${why}`, () => {
  const world = worldForTests(65);

  /** Runs a launch file in a process group of its own, as a terminal does. */
  function launch(name: string, ...words: string[]): LoggingProcess {
    const script = join(import.meta.dirname, 'launch_file.py');
    const child = spawn(pythonOfRos, [script, join(folder, name), ...words], {
      env: world.environment,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    const launched = new LoggingProcess(child);
    onTestFinished(() => {
      for (const pid of group(launched)) process.kill(pid, 'SIGKILL');
    });
    return launched;
  }

  /** The processes that a launch file started and that are still there. */
  function group({ process: { pid } }: LoggingProcess): number[] {
    const { stdout } = spawnSync('ps', ['-eo', 'pid=,pgid=,stat='], { encoding: 'utf8' });
    const rows = stdout
      .trim()
      .split('\n')
      .map((row) => row.trim().split(/\s+/));
    return rows.flatMap(([each, of, state]) =>
      Number(of) === pid && state?.[0] !== 'Z' ? [Number(each)] : [],
    );
  }

  async function interrupt(launched: LoggingProcess): Promise<void> {
    process.kill(-(launched.process.pid as number), 'SIGINT');
    expect(await launched.exit).toEqual({ code: 0, signal: null });
    expect(launched.log.match(/process has finished cleanly/g)?.length).toBeGreaterThan(0);
    expect(launched.log).not.toMatch(/process has died|escalating|\[ERROR\]|Traceback/);
    await expect.poll(() => group(launched), { timeout: 10_000 }).toEqual([]);
  }

  it('the tests know every launch file', () => {
    expect(files.sort()).toEqual(['demo.launch.py', 'planner.launch.py']);
  });

  it('planner.launch.py: an active node with its arguments; Ctrl-C during a clip ends all of it', async () => {
    const { peer } = world;
    const launched = launch(
      'planner.launch.py',
      `model:=${world.models.slow}`,
      'namespace:=robot',
      'name:=dreamer',
      'camera_topic:=/cam/image_raw',
      'engine:=cpu',
    );
    await launched.logged(/activate: inactive -> active/);
    expect(await peer.state('/robot/dreamer')).toBe('active');
    const type = 'rcl_interfaces/srv/GetParameters';
    const fields = { names: ['model', 'provider', 'image_transport', 'autostart', 'use_sim_time'] };
    const { values } = await peer.do('call', { service: '/robot/dreamer/get_parameters', type, fields });
    expect(values.map((value: Record<string, unknown>) => value.string_value || value.bool_value)).toEqual([
      world.models.slow,
      'cpu',
      'raw',
      true,
      false,
    ]);
    await peer.do('camera', { topic: '/cam/image_raw', fields: image() });
    await peer.subscribe('/robot/goal_preview', 'sensor_msgs/msg/Image');
    const command = { topic: '/robot/instruction', type: 'std_msgs/msg/String' };
    await peer.do('publish', { ...command, fields: { data: 'put the red cube on the blue plate' } });
    await peer.wait('/robot/goal_preview');
    await interrupt(launched);
  });

  it('planner.launch.py: what is not given is left to the parameter file, autostart and use_sim_time too', async () => {
    const { peer } = world;
    const file = join(world.folder(), 'mine.yaml');
    writeFileSync(
      file,
      `/**:\n  ros__parameters:\n    model: ${world.models.quick}\n    autostart: false\n    use_sim_time: true\n`,
    );
    const flags = async () => {
      const type = 'rcl_interfaces/srv/GetParameters';
      const fields = { names: ['autostart', 'use_sim_time'] };
      const { values } = await peer.do('call', { service: '/aid_planner/get_parameters', type, fields });
      return values.map(({ bool_value }: { bool_value: boolean }) => bool_value);
    };
    const launched = launch('planner.launch.py', `params_file:=${file}`);
    await launched.logged(/process started/);
    expect(await flags()).toEqual([false, true]);
    expect(await peer.state('/aid_planner')).toBe('unconfigured');
    await interrupt(launched);
    const overruled = launch(
      'planner.launch.py',
      `params_file:=${file}`,
      'autostart:=true',
      'use_sim_time:=false',
    );
    await overruled.logged(/activate: inactive -> active/);
    expect(await flags()).toEqual([true, false]);
    await interrupt(overruled);
  });

  it('planner.launch.py: RViz has the remappings of the node', () => {
    const script = join(import.meta.dirname, 'launch_remappings.py');
    const words = ['rviz:=true', 'camera_topic:=/cam/image_raw', 'namespace:=robot'];
    const { stdout } = spawnSync(pythonOfRos, [script, join(folder, 'planner.launch.py'), ...words], {
      env: world.environment,
      encoding: 'utf8',
    });
    const remappings = [
      ['image', '/cam/image_raw'],
      ['image/compressed', '/cam/image_raw/compressed'],
      ['camera_info', '/cam/camera_info'],
    ];
    expect(JSON.parse(stdout)).toEqual({ planner_node: remappings, rviz2: remappings });
  });

  it('demo.launch.py: a camera that sees a picture, and a clip of it', async () => {
    const { peer } = world;
    const file = join(world.folder(), 'picture.png');
    writeFileSync(file, await encodePng(picture(64, 48)));
    const launched = launch('demo.launch.py', `picture:=${file}`, `model:=${world.models.quick}`);
    await launched.logged(/activate: inactive -> active/);
    await peer.subscribe('outcomes', 'aid_msgs/msg/CommandOutcome');
    await peer.subscribe('clip', 'aid_msgs/msg/Clip');
    expect(await peer.outcomeOf('put the red cube on the blue plate')).toMatchObject({ error_code: 0 });
    expect((await peer.wait('clip'))[0].message.header.frame_id).toBe('camera');
    await interrupt(launched);
  });

  it.each([
    ['planner.launch.py', ['engine:=abacus'], /"engine" provided value "abacus" is not valid.*webgpu/],
    ['planner.launch.py', ['autostart:=maybe'], /"autostart" provided value "maybe" is not valid/],
    [
      'planner.launch.py',
      ['image_transport:=theora'],
      /"image_transport" provided value "theora" is not valid/,
    ],
    ['planner.launch.py', ['params_file:=/nowhere.yaml'], /\/nowhere\.yaml/],
    ['demo.launch.py', [], /picture/],
    ['demo.launch.py', ['picture:=/nowhere.png'], /picture_camera: .*\/nowhere\.png/],
  ])('%s %j: one clear error', async (name, words, message) => {
    const launched = launch(name, ...words, ...(words[0]?.startsWith('picture') ? ['model:=/nowhere'] : []));
    const line = await launched.logged(message);
    expect(launched.log.split('\n').filter((each) => each === line)).toHaveLength(1);
    expect(launched.log).not.toMatch(/^Traceback/m);
  });
});
