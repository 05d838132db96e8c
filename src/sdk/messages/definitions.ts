/** The definitions of ROS 2 messages as `ros2 bag record` writes them into a bag: nested types included. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const msgs = fileURLToPath(new URL('../../../msgs', import.meta.url));
const SEPARATOR = `\n${'='.repeat(80)}\n`;

const STANDARD: Readonly<Record<string, string>> = {
  'builtin_interfaces/Time': 'int32 sec\nuint32 nanosec\n',
  'builtin_interfaces/Duration': 'int32 sec\nuint32 nanosec\n',
  'unique_identifier_msgs/UUID': 'uint8[16] uuid\n',
  'std_msgs/String': 'string data\n',
  'std_msgs/Header': 'builtin_interfaces/Time stamp\nstring frame_id\n',
  'sensor_msgs/Image':
    'std_msgs/Header header\nuint32 height\nuint32 width\nstring encoding\nuint8 is_bigendian\nuint32 step\nuint8[] data\n',
  'sensor_msgs/CompressedImage': 'std_msgs/Header header\nstring format\nuint8[] data\n',
  'sensor_msgs/RegionOfInterest':
    'uint32 x_offset\nuint32 y_offset\nuint32 height\nuint32 width\nbool do_rectify\n',
  'sensor_msgs/CameraInfo':
    'std_msgs/Header header\nuint32 height\nuint32 width\nstring distortion_model\nfloat64[] d\nfloat64[9] k\n' +
    'float64[9] r\nfloat64[12] p\nuint32 binning_x\nuint32 binning_y\nsensor_msgs/RegionOfInterest roi\n',
};

/** `name` such as `aid_msgs/Clip` or `aid_msgs/Imagine_Result`. */
function definitionOf(name: string): string {
  const standard = STANDARD[name];
  if (standard !== undefined) return standard;
  const [, action, part] = /^aid_msgs\/(\w+)_(GetResult_Response|Result)$/.exec(name) ?? [];
  if (action === undefined)
    return readFileSync(join(msgs, 'msg', `${name.replace('aid_msgs/', '')}.msg`), 'utf8');
  // What an action's result is sent in.
  if (part === 'GetResult_Response') return `int8 status\naid_msgs/${action}_Result result\n`;
  const [, result = ''] = readFileSync(join(msgs, 'action', `${action}.action`), 'utf8').split(/^---$/m);
  // Types of the package itself stand there without it.
  return result.replace(/^(?=[A-Z])/gm, 'aid_msgs/');
}

/** The full text for a type such as `aid_msgs/msg/Clip` or `aid_msgs/action/Imagine_GetResult_Response`. */
export function fullDefinition(type: string): string {
  const root = type.replace(/\/(msg|action)\//, '/');
  const parts: string[] = [];
  const seen = new Set<string>();
  const add = (name: string): void => {
    if (seen.has(name)) return;
    seen.add(name);
    const text = definitionOf(name);
    parts.push(name === root ? text : `MSG: ${name}\n${text}`);
    for (const [, nested] of text.matchAll(/^([a-z_0-9]+\/\w+)(?:\[\d*\])? /gm))
      if (nested !== undefined) add(nested);
  };
  add(root);
  return parts.join(SEPARATOR);
}
