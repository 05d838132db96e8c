/**
 * An MCP server: gives any assistant a tool `imagine` that shows, as a picture, what would happen if the robot were
 * told something. Over stdin and stdout. Once:
 *
 *     npm run build && npm run examples
 *
 * then in the assistant's settings, which start it in a folder of theirs:
 *
 *     { "mcpServers": { "aid": { "command": "node", "args": ["/path/to/aid-planner/examples/build/mcp-server.js"] } } }
 *
 * The environment variable MODEL names another model folder.
 */
import { fileURLToPath } from 'node:url';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { AidError, encodeFilmstrip, endOnly, imagine, VideoPlanner } from 'aid-planner/sdk';
import { lastValueFrom } from 'rxjs';
import { z } from 'zod';

/** The one that comes with the package, wherever this is started. */
const shipped = fileURLToPath(new URL('models/aid-mini', import.meta.resolve('aid-planner/package.json')));
const planner = await VideoPlanner.load(process.env.MODEL ?? shipped);
const server = new McpServer({ name: 'aid', version: '1.0.0' });

server.registerTool(
  'imagine',
  {
    title: 'Imagine a robot command',
    description:
      'The video of the robot arm carrying out a command, as a strip of its frames from left to right.',
    inputSchema: {
      frame: z.string().describe('absolute path of the camera picture: JPEG, PNG or WebP'),
      command: z.string().describe('what the robot is told, such as "put the red cube on the blue plate"'),
      seed: z.number().int().nonnegative().optional().describe('which of the possible futures'),
      deadlineMs: z.number().positive().optional().describe('milliseconds that it may take'),
    },
  },
  async ({ frame, command, seed, deadlineMs }, { signal }) => {
    const request = {
      frames: [frame],
      instruction: command,
      ...(seed === undefined ? {} : { seed }),
      ...(deadlineMs === undefined ? {} : { deadlineMs }),
      abortSignal: signal,
    };
    try {
      const { frames, report } = await lastValueFrom(imagine(planner, request).pipe(endOnly()));
      const strip = Buffer.from(await encodeFilmstrip(frames, { columns: frames.length }));
      const said = [
        `"${report.instruction}", seed ${report.seed}, ${frames.length} frames`,
        ...report.warnings,
      ];
      return {
        content: [
          { type: 'image', data: strip.toString('base64'), mimeType: 'image/png' },
          { type: 'text', text: said.join('\n') },
        ],
      };
    } catch (error) {
      if (!AidError.isInstance(error)) throw error;
      return { isError: true, content: [{ type: 'text', text: `${error.code}: ${error.message}` }] };
    }
  },
);

await server.connect(new StdioServerTransport());
process.stdin.on('end', () => void planner.dispose().then(() => process.exit()));
