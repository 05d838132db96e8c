// Where ROS 2 is, and the environment in which its programs run. Plain node, no packages.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { project, SetUpError } from '../set-up.mjs';

/** Everything that is made for ROS lies here; git ignores it. */
export const rosFolder = join(project, '.ros');
/** The virtual environment that holds a private ROS 2, for machines without one. */
export const privateRos = join(rosFolder, 'jazzy');

const python = join(privateRos, 'bin', 'python');

/** `sourced` where the shell has a ROS 2 of its own, else `private`; a shell that has the private one says so. */
export function originOfRos(env = process.env) {
  const paths = (env.PATH ?? '').split(delimiter);
  const sourced = env.ROS_DISTRO && paths.some((path) => existsSync(join(path, 'ros2')));
  return sourced && env.AID_ROS_PRIVATE !== '1' ? 'sourced' : 'private';
}

/** The colcon workspace of msgs/ and launch/, built for the ROS 2 in use. */
export function workspace(origin) {
  const distro = origin === 'sourced' ? process.env.ROS_DISTRO : 'private';
  return join(rosFolder, 'ws', distro);
}

function answer(code) {
  const { status, stdout } = spawnSync(python, ['-c', code], {
    encoding: 'utf8',
    env: { ...process.env, _ROS_WHEELS_BOOTSTRAP_COMPLETE: '1' },
  });
  if (status !== 0) throw new SetUpError(`${python} does not run: remove ${rosFolder} and try again`);
  return JSON.parse(stdout);
}

/** Each once: a shell may have them already. */
const prepend = (paths, rest = '') =>
  [...new Set([...paths, ...rest.split(delimiter)])].filter(Boolean).join(delimiter);

/**
 * What a program needs in its environment, beside what is there. `AID_ROS_NODE_PRELOAD` is for node alone: the
 * wheels' libraries need libpython, which a node process does not have.
 */
export function rosEnvironment(origin = originOfRos()) {
  const install = join(workspace(origin), 'install');
  const overlay = {
    AMENT_PREFIX_PATH: prepend([install], process.env.AMENT_PREFIX_PATH),
    LD_LIBRARY_PATH: prepend([join(install, 'lib')], process.env.LD_LIBRARY_PATH),
    CMAKE_PREFIX_PATH: prepend([install], process.env.CMAKE_PREFIX_PATH),
  };
  const sitePackages = (folder) => {
    const lib = join(folder, 'lib');
    const versions = existsSync(lib) ? readdirSync(lib).filter((name) => name.startsWith('python3')) : [];
    return versions.map((name) => join(lib, name, 'site-packages'));
  };
  if (origin === 'sourced')
    return { ...overlay, PYTHONPATH: prepend(sitePackages(install), process.env.PYTHONPATH) };
  const { libdir, library, purelib } = answer(
    'import json, sysconfig as s; print(json.dumps({"libdir": s.get_config_var("LIBDIR"), ' +
      '"library": s.get_config_var("LDLIBRARY"), "purelib": s.get_path("purelib")}))',
  );
  const bundled = readdirSync(purelib).filter((name) => /^ros_.*\.libs$/.test(name));
  const preload = join(libdir, library);
  return {
    AID_ROS_PRIVATE: '1',
    ROS_DISTRO: 'jazzy',
    ROS_VERSION: '2',
    ROS_PYTHON_VERSION: '3',
    RMW_IMPLEMENTATION: 'rmw_fastrtps_cpp',
    // The wheels would start Python once more.
    _ROS_WHEELS_BOOTSTRAP_COMPLETE: '1',
    PATH: prepend([join(privateRos, 'bin')], process.env.PATH),
    AMENT_PREFIX_PATH: prepend([install], privateRos),
    CMAKE_PREFIX_PATH: prepend([install], privateRos),
    LD_LIBRARY_PATH: prepend(
      [join(install, 'lib'), join(privateRos, 'lib'), ...bundled.map((name) => join(purelib, name))],
      process.env.LD_LIBRARY_PATH,
    ),
    PYTHONPATH: prepend(sitePackages(install), process.env.PYTHONPATH),
    ...(library.includes('.so') && existsSync(preload) ? { AID_ROS_NODE_PRELOAD: preload } : {}),
  };
}
