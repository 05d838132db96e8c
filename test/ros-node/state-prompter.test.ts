import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { describeWithRos, image, LATCHED, NodeUnderTest, worldForTests } from './ros-world.js';

const STATES = [
  'the arm waits',
  'the arm reaches for the red cube',
  'the arm moves it',
  'the arm lets it go',
];

/** An OpenAI-compatible endpoint that writes `STATES`, or fails; and the keys that it was asked with. */
async function endpoint(): Promise<{ url: string; keys: (string | undefined)[]; isBroken: boolean }> {
  const state = { url: '', keys: [] as (string | undefined)[], isBroken: false };
  const server: Server = createServer((request, response) => {
    request.resume();
    request.on('end', () => {
      state.keys.push(request.headers.authorization);
      const content = JSON.stringify({ states: STATES });
      const answer = {
        choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content } }],
      };
      response.writeHead(state.isBroken ? 400 : 200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(state.isBroken ? { error: { message: 'no such model' } } : answer));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  state.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  return state;
}

describeWithRos('states written by a multimodal model', () => {
  const world = worldForTests(67);

  it('asks the endpoint of the parameters, with the key of the environment; its failure is an error where one is wanted', async () => {
    const { peer } = world;
    const server = await endpoint();
    const parameters = {
      model: world.models.quick,
      threads: 1,
      warm_up: false,
      autostart: true,
      'states.endpoint': server.url,
      'states.model': 'seer',
      'states.fallback': 'error',
    };
    const words = Object.entries(parameters).flatMap(([name, value]) => ['-p', `${name}:=${value}`]);
    const node = new NodeUnderTest(['--ros-args', ...words], {
      ...world.environment,
      AID_STATE_API_KEY: 'secret',
      XDG_CACHE_HOME: world.folder(),
    });
    onTestFinished(() => node.end());
    await node.logged(/activate: inactive -> active/);
    await peer.subscribe('clip', 'aid_msgs/msg/Clip', LATCHED);
    await peer.subscribe('outcomes', 'aid_msgs/msg/CommandOutcome');
    await peer.camera(image());
    expect(await peer.outcomeOf('put the red cube on the blue plate')).toMatchObject({ error_code: 0 });
    expect((await peer.wait('clip'))[0].message).toMatchObject({
      states: STATES,
      states_written_by: expect.stringMatching(/^seer /),
    });
    expect(server.keys).toEqual(['Bearer secret']);
    server.isBroken = true;
    expect(await peer.outcomeOf('push the green ball to the left')).toMatchObject({
      error_code: 403,
      error_msg: expect.stringMatching(/^seer wrote no states: .*no such model/),
    });
    expect(Number((await peer.diagnostics('/aid_planner')).level)).toBe(2);
    expect(node.log).not.toMatch(/secret/);
  });
});
