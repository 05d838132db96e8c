import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { PARAMETERS } from '#ros-node/parameters.js';
import { describeWithRos, image, LATCHED, worldForTests } from './ros-world.js';

describeWithRos('parameters and namespaces', () => {
  const world = worldForTests(64);
  const call = (node: string, service: string, type: string, fields: object) =>
    world.peer.do('call', { service: `${node}/${service}`, type: `rcl_interfaces/srv/${type}`, fields });
  const set = async (node: string, name: string, value: object) =>
    (await call(node, 'set_parameters', 'SetParameters', { parameters: [{ name, value }] })).results[0];
  const get = async (node: string, name: string) =>
    (await call(node, 'get_parameters', 'GetParameters', { names: [name] })).values[0];

  it('two instances side by side, each with its section of one file, its camera and its clips', async () => {
    const { peer } = world;
    const file = join(world.folder(), 'two.yaml');
    writeFileSync(
      file,
      `/**:\n  ros__parameters:\n    model: ${world.models.quick}\n    autostart: true\n    max_image_age: 2\n` +
        '/left/aid_planner:\n  ros__parameters:\n    seed: 11\n    num_frames: 3\n' +
        'right:\n  dreamer:\n    ros__parameters:\n      seed: 22\n      qos_overrides:\n        /right/cam:\n' +
        '          subscription:\n            depth: 3\n' +
        '/elsewhere/aid_planner:\n  ros__parameters:\n    seed: 33\n' +
        'aid_planner:\n  ros__parameters:\n    seed: 44\n    preset: none-such\n    qos_overrides:\n' +
        '      /left/image:\n        subscription:\n          depth: 5\n',
    );
    const left = world.start({}, ['-r', '__ns:=/left', '--params-file', file]);
    const right = world.start({}, [
      '-r',
      '__ns:=/right',
      '-r',
      '__node:=dreamer',
      '--params-file',
      file,
      '-r',
      'image:=cam',
    ]);
    for (const node of [left, right]) await node.logged(/activate: inactive -> active/);
    // A section of a node of that name in no namespace is another node's.
    const depth = 'qos_overrides./left/image.subscription.depth';
    expect((await get('/left/aid_planner', depth)).integer_value).toBe(1);
    expect((await get('/left/aid_planner', 'preset')).string_value).toBe('');
    expect((await get('/right/dreamer', 'qos_overrides./right/cam.subscription.depth')).integer_value).toBe(
      3,
    );
    // Discovery takes its time.
    await expect
      .poll(() => peer.do('nodes'), { timeout: 20_000 })
      .toEqual(expect.arrayContaining(['/left/aid_planner', '/right/dreamer']));
    for (const side of ['left', 'right']) await peer.subscribe(`/${side}/clip`, 'aid_msgs/msg/Clip', LATCHED);
    await peer.do('camera', { topic: '/left/image', fields: image() });
    await peer.do('camera', { topic: '/right/cam', fields: image() });
    const type = 'std_msgs/msg/String';
    await new Promise((resolve) => setTimeout(resolve, 400));
    await peer.do('publish', { topic: '/left/instruction', type, fields: { data: 'put the red cube' } });
    await peer.do('publish', { topic: '/right/instruction', type, fields: { data: 'push the ball' } });
    const one = (await peer.wait('/left/clip')).at(-1)?.message;
    const other = (await peer.wait('/right/clip')).at(-1)?.message;
    expect([one.instruction, one.seed, one.frames.length]).toEqual(['put the red cube', 11, 3]);
    expect([other.instruction, other.seed, other.frames.length]).toEqual(['push the ball', 22, 4]);
    await Promise.all([left.end(), right.end()]);
  });

  it('every parameter says what it is, its range and when it can change; a refusal gives its reason', async () => {
    const node = world.start({ model: world.models.quick, autostart: true, no_such_parameter: 1 });
    await node.logged(/activate: inactive -> active/);
    await node.logged(/there is no parameter no_such_parameter; it is ignored/);
    const names = Object.keys(PARAMETERS);
    const { descriptors } = await call('/aid_planner', 'describe_parameters', 'DescribeParameters', {
      names,
    });
    expect(descriptors).toHaveLength(names.length);
    for (const { name, description, floating_point_range: double, integer_range: integer } of descriptors) {
      expect(description, name).toMatch(/Can (change|be given)/);
      const { type } = PARAMETERS[name as keyof typeof PARAMETERS];
      expect(double, name).toHaveLength(type === 'double' ? 1 : 0);
      expect(integer, name).toHaveLength(type === 'integer' ? 1 : 0);
      if (name === 'max_image_age') expect(double).toEqual([{ from_value: 0, to_value: 3600, step: 0 }]);
    }
    const refusals: [string, object, RegExp][] = [
      ['max_image_age', { type: 3, double_value: -1 }, /max_image_age: expected 0 to 3600, got -1/],
      ['max_image_age', { type: 4, string_value: 'old' }, /max_image_age: expected a double/],
      ['clip_format', { type: 4, string_value: 'bmp' }, /expected one of rgb8, png, jpeg, webp/],
      ['model', { type: 4, string_value: '/tmp' }, /while the node is unconfigured only; it is active/],
      ['image_transport', { type: 4, string_value: 'compressed' }, /deactivate it first/],
      ['autostart', { type: 1, bool_value: false }, /at the start only/],
      ['seed', { type: 0 }, /seed: expected an integer/],
      ['none_such', { type: 4, string_value: 'x' }, /there is no parameter none_such/],
      ['', { type: 4, string_value: 'x' }, /expected the name of a parameter, got none/],
    ];
    for (const [name, value, reason] of refusals) {
      const { successful, reason: given } = await set('/aid_planner', name, value);
      expect([successful, given]).toEqual([false, expect.stringMatching(reason)]);
    }
    expect(await set('/aid_planner', 'max_image_age', { type: 3, double_value: 0.5 })).toEqual({
      successful: true,
      reason: '',
    });
    expect((await get('/aid_planner', 'max_image_age')).double_value).toBe(0.5);
    await node.end();
  });

  it('answers requests for parameters without a name, and does the rest of what they ask', async () => {
    const node = world.start({ model: world.models.quick });
    const nameless = { name: '', value: { type: 4, string_value: 'x' } };
    const seed = { name: 'seed', value: { type: 2, integer_value: 8 } };
    const refusal = { successful: false, reason: 'expected the name of a parameter, got none' };
    const fields = { parameters: [nameless, seed] };
    expect(await call('/aid_planner', 'set_parameters', 'SetParameters', fields)).toEqual({
      results: [refusal, { successful: true, reason: '' }],
    });
    const atomically = ['set_parameters_atomically', 'SetParametersAtomically'] as const;
    expect(await call('/aid_planner', ...atomically, fields)).toEqual({ result: refusal });
    expect(await call('/aid_planner', 'get_parameters', 'GetParameters', { names: [''] })).toEqual({
      values: [],
    });
    expect(await call('/aid_planner', 'get_parameters', 'GetParameters', { names: [' '] })).toEqual({
      values: [],
    });
    for (const names of [[''], ['seed', ' ']])
      expect(await call('/aid_planner', 'describe_parameters', 'DescribeParameters', { names })).toEqual({
        descriptors: [],
      });
    expect(await set('/aid_planner', 'use_sim_time', { type: 0 })).toMatchObject({ successful: false });
    expect((await get('/aid_planner', 'seed')).integer_value).toBe(8);
    await node.end();
  });

  it('truth values as ROS writes them', async () => {
    const node = world.start({
      model: world.models.quick,
      autostart: 'yes',
      preview_loop: 'off',
      use_sim_time: 'no',
    });
    await node.logged(/activate: inactive -> active/);
    expect((await get('/aid_planner', 'preview_loop')).bool_value).toBe(false);
    await node.end();
  });

  it('parameter requests are answered while a clip is imagined', async () => {
    const { peer } = world;
    const node = world.start({ model: world.models.slow, autostart: true, num_inference_steps: 1000 });
    await node.logged(/activate: inactive -> active/);
    await peer.subscribe('outcomes', 'aid_msgs/msg/CommandOutcome');
    await peer.camera(image());
    await peer.command('put the red cube on the blue plate');
    const request = {
      service: '/aid_planner/get_parameters',
      names: ['seed', 'preset'],
      count: 50,
      interval: 0.01,
    };
    const taken = await peer.do('latencies', request);
    expect(taken).toHaveLength(50);
    // How fast is for bench/ros; here it must only not wait for the clip.
    expect(await peer.drain('outcomes')).toEqual([]);
    await node.end();
  });

  it('qos_overrides have their effect: as many clips are kept for those that come later', async () => {
    const { peer } = world;
    const depth = 'qos_overrides./clip.publisher.depth';
    const node = world.start({ model: world.models.quick, autostart: true, max_image_age: 0, [depth]: 3 });
    await node.logged(/activate: inactive -> active/);
    await peer.subscribe('outcomes', 'aid_msgs/msg/CommandOutcome');
    await peer.camera(image());
    const commands = ['put', 'push', 'stack', 'put the red cube', 'push the ball'];
    for (const command of commands)
      expect(await peer.outcomeOf(command)).toMatchObject({ instruction: command, error_code: 0 });
    await peer.subscribe('clip', 'aid_msgs/msg/Clip', { ...LATCHED, depth: 10 });
    const kept = await peer.wait('clip', { count: 3 });
    expect(kept.map(({ message }) => message.instruction)).toEqual(commands.slice(-3));
    await node.end();
  });

  it('a quality of service that does not match, or is meant for no topic, is told in the log', async () => {
    const { peer } = world;
    const node = world.start({
      model: world.models.quick,
      autostart: true,
      'qos_overrides./image.subscription.reliability': 'reliable',
      'qos_overrides./elsewhere/image.subscription.depth': 7,
    });
    await node.logged(/qos_overrides\.\/elsewhere\/image\.subscription\.depth fits no topic of this node/);
    await node.logged(/activate: inactive -> active/);
    expect(node.log).not.toMatch(/qos_overrides\.\/image/);
    // The peer finds it a moment after it is there.
    const subscriptions = async () => (await peer.do('endpoints', { topic: '/image' })).subscriptions;
    await expect
      .poll(subscriptions, { timeout: 20_000 })
      .toEqual([expect.objectContaining({ node: '/aid_planner', reliability: 'RELIABLE' })]);
    await peer.camera(image());
    await node.logged(/\/image: quality of service does not match .*reliability/);
    await peer.do('subscribe', {
      topic: '/diagnostics',
      type: 'diagnostic_msgs/msg/DiagnosticArray',
      qos: LATCHED,
    });
    await node.logged(/\/diagnostics: quality of service does not match .*durability/);
    await node.end();
  });
});
