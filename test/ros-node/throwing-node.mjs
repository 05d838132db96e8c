// A node of which a callback throws at every message on `boom`.
const { ManagedNode } = await import('#ros-node/managed-node.js');
const { ros } = await import('#ros-node/rclnodejs.js');
const { parseRosArguments } = await import('#ros-node/ros-arguments.js');

const context = ros.Context.defaultContext();
await ros.init(context, []);
const node = new ManagedNode(parseRosArguments([], 'thrower'), context);
node.createSubscription('std_msgs/msg/String', 'boom', {}, ({ data }) => {
  throw new Error(`boom: ${data}`);
});
node.spin();
