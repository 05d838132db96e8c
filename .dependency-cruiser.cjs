/** The arrows of docs: who may know whom. Checked by npm test. */
const planner = '^src/planner/';
const inside = (...rooms) => `^src/planner/(${rooms.join('|')})(/|\\.ts$)`;

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'Files that need each other are one file, or lack a third.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'nothing-is-missing',
      comment: 'Every import leads somewhere.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'only-declared-packages',
      comment: 'What is imported is in the dependencies of package.json; tests need more, the product does not.',
      severity: 'error',
      from: { path: '^src' },
      to: {
        dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown', 'npm-optional'],
        // An optional peer: who reads videos installs it.
        pathNot: '(^|/)node_modules/node-av/',
      },
    },
    {
      name: 'planner-stands-alone',
      comment: 'The planner knows neither RxJS nor ROS nor whoever uses it.',
      severity: 'error',
      from: { path: planner },
      to: { path: ['^src/(?!planner/)', '(^|/)node_modules/(rxjs|rclnodejs)/'] },
    },
    {
      name: 'sdk-knows-the-planner-only',
      comment: 'ros-node -> sdk -> planner',
      severity: 'error',
      from: { path: '^src/sdk/' },
      to: { path: '^src/(?!sdk/|planner/)' },
    },
    {
      name: 'ros-node-knows-sdk-and-planner-only',
      comment: 'ros-node -> sdk -> planner',
      severity: 'error',
      from: { path: '^src/ros-node/' },
      to: { path: '^src/(?!ros-node/|sdk/|planner/)' },
    },
    {
      name: 'cli-knows-sdk-and-planner-only',
      comment: 'cli -> sdk, planner',
      severity: 'error',
      from: { path: '^src/cli/' },
      to: { path: '^src/(?!cli/|sdk/|planner/)' },
    },
    {
      name: 'nothing-knows-the-cli',
      severity: 'error',
      from: { pathNot: '^src/cli/' },
      to: { path: '^src/cli/' },
    },
    {
      name: 'only-the-ros-node-knows-rclnodejs',
      severity: 'error',
      from: { pathNot: '^src/ros-node/' },
      to: { path: '(^|/)node_modules/rclnodejs/' },
    },
    {
      name: 'onnx-stands-alone',
      comment: 'The graph language is built on nothing of ours.',
      severity: 'error',
      from: { path: inside('onnx') },
      to: { path: planner, pathNot: inside('onnx', 'errors', 'turns') },
    },
    {
      name: 'models-know-onnx-only',
      comment: 'A network is written in the graph language and knows no weights, no engine, no pictures.',
      severity: 'error',
      from: { path: inside('models') },
      to: { path: planner, pathNot: inside('models', 'onnx', 'errors', 'turns') },
    },
    {
      name: 'diffusion-knows-errors-only',
      comment: 'Samplers see nothing but numbers.',
      severity: 'error',
      from: { path: inside('diffusion') },
      to: { path: planner, pathNot: inside('diffusion', 'errors') },
    },
    {
      name: 'conditioning-knows-errors-and-files-only',
      comment: 'Texts and pictures become numbers without anyone knowing for which network.',
      severity: 'error',
      from: { path: inside('conditioning') },
      to: { path: planner, pathNot: inside('conditioning', 'errors', 'read-error', 'turns', 'atomic-file', 'cache-folder') },
    },
    {
      name: 'weights-know-onnx-only',
      severity: 'error',
      from: { path: inside('weights') },
      to: { path: planner, pathNot: inside('weights', 'onnx', 'errors', 'atomic-file') },
    },
    {
      name: 'runtime-knows-no-network',
      comment: 'An engine runs any graph.',
      severity: 'error',
      from: { path: inside('runtime') },
      to: {
        path: planner,
        pathNot: inside('runtime', 'onnx', 'weights', 'errors', 'random', 'turns', 'atomic-file', 'cache-folder'),
      },
    },
    {
      name: 'only-runtime-knows-onnxruntime',
      comment: 'Another engine is another folder in runtime/.',
      severity: 'error',
      from: { pathNot: inside('runtime') },
      to: { path: '(^|/)node_modules/onnxruntime-' },
    },
    {
      name: 'only-conditioning-knows-sharp',
      comment: 'Pictures come in and go out in one place.',
      severity: 'error',
      from: { pathNot: inside('conditioning') },
      to: { path: '(^|/)node_modules/sharp/' },
    },
    {
      name: 'imagining-needs-no-training',
      comment: 'Training, evaluation and verification use the rest, never the other way round.',
      severity: 'error',
      from: { path: planner, pathNot: inside('training', 'evaluation', 'verification') },
      to: { path: inside('training', 'evaluation', 'verification') },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      mainFields: ['module', 'main', 'types'],
    },
  },
};
