import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeWithRos, image, LATCHED, worldForTests } from './ros-world.js';

const NODE = '/aid_planner';

describeWithRos('the lifecycle', () => {
  const world = worldForTests(63);

  it('refuses wrong transitions and goes on', async () => {
    const { peer } = world;
    const node = world.start({ model: world.models.quick });
    expect(await peer.state(NODE)).toBe('unconfigured');
    for (const wrong of ['activate', 'deactivate', 'cleanup', 'none_such'])
      expect(await peer.change(NODE, wrong)).toEqual({ success: false });
    const byNumber = (id: number) => {
      const fields = { transition: { id } };
      return peer.do('call', {
        service: `${NODE}/change_state`,
        type: 'lifecycle_msgs/srv/ChangeState',
        fields,
      });
    };
    expect(await byNumber(3)).toEqual({ success: false });
    expect(await byNumber(77)).toEqual({ success: false });
    expect(await peer.state(NODE)).toBe('unconfigured');
    await node.logged(/transition activate refused: the node is unconfigured; possible: configure, shutdown/);
    expect(await byNumber(1)).toEqual({ success: true });
    expect(await peer.change(NODE, 'configure')).toEqual({ success: false });
    expect(await peer.change(NODE, 'activate')).toEqual({ success: true });
    expect(await peer.change(NODE, 'cleanup')).toEqual({ success: false });
    expect(await peer.state(NODE)).toBe('active');
    expect(await peer.change(NODE, 'deactivate')).toEqual({ success: true });
    expect(await peer.change(NODE, 'cleanup')).toEqual({ success: true });
    expect(await peer.change(NODE, 'shutdown')).toEqual({ success: true });
    expect(await peer.state(NODE)).toBe('finalized');
    expect(await peer.change(NODE, 'configure')).toEqual({ success: false });
    await node.end();
  });

  it('loads in configure, answers meanwhile, and shows the state in between', async () => {
    const { peer } = world;
    const node = world.start({ model: world.models.quick, warm_up: true });
    await peer.subscribe(`${NODE}/transition_event`, 'lifecycle_msgs/msg/TransitionEvent');
    await peer.state(NODE);
    const configured = peer.change(NODE, 'configure');
    await node.logged(/loading/);
    expect(await peer.state(NODE)).toBe('configuring');
    // The next request waits for its turn.
    const activated = peer.change(NODE, 'activate');
    expect(await peer.state(NODE)).toBe('configuring');
    expect(await configured).toEqual({ success: true });
    expect(await activated).toEqual({ success: true });
    const events = await peer.wait(`${NODE}/transition_event`, { count: 4 });
    expect(events.map(({ message }) => message.goal_state.label)).toEqual([
      'configuring',
      'inactive',
      'activating',
      'active',
    ]);
    await node.end();
  });

  it('a model that cannot be loaded fails the transition, and another one can be given', async () => {
    const { peer } = world;
    const node = world.start({ model: join(world.folder(), 'nowhere'), autostart: true });
    await node.logged(/configure failed: .*nowhere/);
    expect(await peer.state(NODE)).toBe('unconfigured');
    const [OK, ERROR] = ['0', '2'];
    const health = async () => {
      const { level, message } = await peer.diagnostics(NODE);
      return { level: String(level), message };
    };
    expect(await health()).toEqual({
      level: ERROR,
      message: expect.stringMatching(/^configure failed: .*nowhere/),
    });
    const parameters = [{ name: 'model', value: { type: 4, string_value: world.models.quick } }];
    const type = 'rcl_interfaces/srv/SetParameters';
    expect(
      (await peer.do('call', { service: `${NODE}/set_parameters`, type, fields: { parameters } })).results,
    ).toEqual([{ successful: true, reason: '' }]);
    expect(await peer.change(NODE, 'configure')).toEqual({ success: true });
    expect(await health()).toEqual({ level: OK, message: 'inactive' });
    await node.end();
  });

  it.each([
    ['activate', 'qos_overrides./instruction.subscription.reliability'],
    ['configure', 'qos_overrides./goal_preview.publisher.reliability'],
  ])('what %s made before it failed is undone', async (transition, override) => {
    const { peer } = world;
    const node = world.start({ model: world.models.quick, autostart: true, [override]: 'bogus' });
    await node.logged(new RegExp(`${transition} failed: .*bogus`));
    await expect.poll(() => peer.state(NODE)).toBe('unconfigured');
    const there = async (topic: string) => {
      const { publishers, subscriptions } = await peer.do('endpoints', { topic });
      return [...publishers, ...subscriptions].filter((each: { node: string }) => each.node === NODE);
    };
    // What is gone is forgotten a little later.
    for (const topic of ['/image', '/camera_info', '/clip', '/preview', '/outcomes', '/model_info'])
      await expect.poll(() => there(topic), { timeout: 20_000 }).toEqual([]);
    expect(await peer.do('services_of', { node: NODE })).not.toContain(`${NODE}/reset`);
    await node.end();
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('%s during a clip: it ends in order', async (signal) => {
    const { peer } = world;
    const node = world.start({ model: world.models.slow, autostart: true, num_inference_steps: 1000 });
    await peer.subscribe('outcomes', 'aid_msgs/msg/CommandOutcome');
    await peer.subscribe('goal_preview', 'sensor_msgs/msg/Image');
    await node.logged(/activate: inactive -> active/);
    await peer.camera(image());
    await peer.command('put the red cube on the blue plate');
    await peer.wait('goal_preview');
    node.process.kill(signal);
    expect(await node.exit).toEqual({ code: 0, signal: null });
    expect((await peer.wait('outcomes'))[0]?.message.error_code).toBe(306);
    await node.logged(/shutdown: active -> finalized/);
    await peer.do('camera_stop', { topic: 'image' });
    expect(node.log).not.toMatch(/\[ERROR\]|Error:|terminate|corrupt/);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('%s during a goal: its client is told', async (signal) => {
    const { peer } = world;
    const node = world.start({ model: world.models.slow, autostart: true });
    await node.logged(/activate: inactive -> active/);
    const fields = { instructions: ['put the red cube on the blue plate'], num_inference_steps: 1000 };
    await peer.do('send_goal', { action: 'imagine', fields: { ...fields, frames: [image()] }, key: 'goal' });
    await peer.wait('feedback goal');
    node.process.kill(signal);
    const { status, result } = await peer.do('result', { key: 'goal' });
    // action_msgs/msg/GoalStatus: aborted
    expect([status, result.error_code, result.clips]).toEqual([6, 306, []]);
    expect(await node.exit).toEqual({ code: 0, signal: null });
    expect(node.log).not.toMatch(/\[ERROR\]|Error:|terminate|corrupt/);
    await peer.drain('feedback goal');
  });

  it('SIGTERM while it loads: it stops loading and ends', async () => {
    const node = world.start({ model: world.models.slow, autostart: true });
    await node.logged(/loading/);
    node.process.kill('SIGTERM');
    expect(await node.exit).toEqual({ code: 0, signal: null });
    await node.logged(/configure failed: aborted/);
    await node.logged(/shutdown: unconfigured -> finalized/);
  });

  it('a callback that throws is a line in the log, and the node goes on', async () => {
    const { peer } = world;
    const node = world.run('throwing-node.mjs');
    const type = 'std_msgs/msg/String';
    for (const data of ['once', 'twice']) {
      await peer.do('publish', { topic: 'boom', type, fields: { data } });
      await node.logged(new RegExp(`\\[ERROR\\].* a callback failed: Error: boom: ${data}`));
    }
    expect(await peer.state('/thrower')).toBe('unconfigured');
  });

  it('simulated time from a best-effort /clock', async () => {
    const { peer } = world;
    await peer.do('clock', { seconds: 1000 });
    const node = world.start({
      model: world.models.quick,
      use_sim_time: true,
      max_image_age: 0,
      autostart: true,
    });
    await node.logged(/activate: inactive -> active/);
    await peer.subscribe('clip', 'aid_msgs/msg/Clip', LATCHED);
    await peer.camera(image());
    await peer.command('put the red cube on the blue plate');
    const sec = (await peer.wait('clip')).at(-1)?.message.generated_at.sec;
    expect(sec).toBeGreaterThanOrEqual(1000);
    expect(sec).toBeLessThan(2000);
    await node.end();
  });

  it('a parameter file that cannot be used, or a value out of range: one line, exit status 1', async () => {
    const file = join(world.folder(), 'broken.yaml');
    writeFileSync(file, '/**:\n  ros__parameters:\n    clip_format: bmp\n');
    const wrong = world.start({}, ['--params-file', file]);
    expect(await wrong.exit).toEqual({ code: 1, signal: null });
    expect(wrong.log).toMatch(/^.*clip_format: expected one of rgb8, png, jpeg, webp, got bmp\n$/);
    writeFileSync(file, 'a: [unclosed');
    const broken = world.start({}, ['--params-file', file]);
    expect(await broken.exit).toEqual({ code: 1, signal: null });
    expect(broken.log).toMatch(/^.*broken\.yaml.*\n$/);
  });
});
