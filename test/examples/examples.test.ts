/** The examples as people run them: processes of their own that import the package by its name. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { decodeFrame, encodePng } from '#planner/conditioning/frame.js';
import { filesForTests } from '../cli/model-for-tests.js';
import { emptyFolder, run } from '../cli/run-aid.js';
import { picture } from '../planner/conditioning/pictures.js';

const files = filesForTests();
/** What the examples say is to be run first, after `npm run build`. */
beforeAll(() => {
  execFileSync('npm', ['run', '--silent', 'examples'], { stdio: 'inherit' });
});

const program = (name: string): string => resolve('examples', 'build', `${name}.js`);
/** From a folder that is not this project's. */
const example = (
  name: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = { MODEL: files.model },
) => run(process.execPath, [program(name), ...args], { cwd: emptyFolder(), environment });

it('there is a test for each', () => {
  const names = readdirSync('examples').filter((name) => name.endsWith('.ts'));
  expect(names.sort()).toEqual(['agent.ts', 'mcp-server.ts', 'planner.ts']);
});

it.each(['agent', 'mcp-server', 'planner'])('%s says what is to be run first, and what then', (name) => {
  const source = readFileSync(join('examples', `${name}.ts`), 'utf8');
  expect(source).toContain('npm run build && npm run examples');
  expect(source).toContain(`examples/build/${name}.js`);
});

it("they take the package's own model wherever they are started", async () => {
  const { stdout, stderr } = await example(
    'planner',
    [files.frame, 'put the red cube on the blue plate'],
    {},
  );
  const shipped = resolve('models', 'aid-mini');
  if (existsSync(join(shipped, 'model_index.json'))) expect(stdout).toMatch(/^(imagined in|no plan in time)/);
  else expect(stderr).toContain(`${shipped}:`);
});

it('an agent imagines several commands and picks the one nearest to its goal', async () => {
  const goal = join(emptyFolder(), 'goal.png');
  writeFileSync(goal, await encodePng(picture(32, 32, 2)));
  const commands = ['put the red cube on the blue plate', 'push the green ball to the left'];
  const { exitCode, stdout, stderr } = await example('agent', [files.frame, goal, ...commands]);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  const lines = stdout.trim().split('\n');
  expect(lines.slice(0, 4).sort()).toEqual(
    commands.flatMap((command) => [1, 2].map((seed) => `imagined "${command}", seed ${seed}`)).sort(),
  );
  expect(commands).toContain(lines[4]?.replace('do: ', ''));
  expect(lines[5]).toMatch(/^because its last frame differs from the goal by [\d.]+ %$/);
  expect(lines[6]).toMatch(/^two seeds of it differ by [\d.]+ %$/);
});

describe('the MCP server', () => {
  async function client(): Promise<Client> {
    const { PATH = '' } = process.env;
    const transport = new StdioClientTransport({
      command: process.execPath,
      args: [program('mcp-server')],
      cwd: emptyFolder(),
      env: { PATH, MODEL: files.model },
    });
    const made = new Client({ name: 'test', version: '1.0.0' });
    await made.connect(transport);
    onTestFinished(() => made.close());
    return made;
  }

  it('offers imagine, and gives the clip as an image', async () => {
    const mcp = await client();
    const { tools } = await mcp.listTools();
    expect(tools.map(({ name }) => name)).toEqual(['imagine']);
    const args = { frame: files.frame, command: 'put the red cube on the blue plate', seed: 7 };
    const result = await mcp.callTool({ name: 'imagine', arguments: args });
    const [image, text] = result.content as [{ data: string; mimeType: string }, { text: string }];
    expect(image.mimeType).toBe('image/png');
    const { width, height } = await decodeFrame(Buffer.from(image.data, 'base64'));
    expect([width / height > 3, text.text]).toEqual([
      true,
      '"put the red cube on the blue plate", seed 7, 4 frames',
    ]);
  });

  it('says what is wrong with a request', async () => {
    const mcp = await client();
    const args = { frame: 'nowhere.png', command: 'put the red cube on the blue plate' };
    const result = await mcp.callTool({ name: 'imagine', arguments: args });
    expect(result.isError).toBe(true);
    expect(result.content).toEqual([
      { type: 'text', text: expect.stringMatching(/^invalid-image: nowhere\.png/) },
    ]);
  });
});

it('a planner follows the clip as sub-goals, within its deadline or says that it could not', async () => {
  const args = [files.frame, 'put the red cube on the blue plate'];
  const { exitCode, stdout, stderr } = await example('planner', [...args, '60000']);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(stdout).toMatch(/^imagined in \d+ ms of 60000\nsub-goal 1: look at 0\.\d\d, 0\.\d\d\n/);
  const hopeless = await example('planner', [...args, '0.001']);
  expect(hopeless).toMatchObject({
    exitCode: 0,
    stderr: '',
    stdout: expect.stringMatching(/^no plan in time: /),
  });
});
