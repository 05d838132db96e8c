"""The other side of the tests: a rclpy node that does what lines of JSON on stdin say and answers on stdout."""

import hashlib
import importlib
import json
import os
import sys
import threading
import time

import rclpy
from rclpy.action import ActionClient
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy


def type_of(name):
    """`sensor_msgs/msg/Image` as its class."""
    package, kind, cls = name.split("/")
    return getattr(importlib.import_module(f"{package}.{kind}"), cls)


def to_plain(value):
    """A message as JSON; bytes and long lists as their length and SHA-256."""
    if hasattr(value, "get_fields_and_field_types"):
        return {name: to_plain(getattr(value, name)) for name in value.get_fields_and_field_types()}
    if isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, bytes):
        value = list(value)
    items = list(value)
    if len(items) > 64 and isinstance(items[0], int):
        return {"length": len(items), "sha256": hashlib.sha256(bytes(items)).hexdigest()}
    return [to_plain(each) if not hasattr(each, "item") else each.item() for each in items]


def fill(message, fields):
    """Sets fields from JSON; `{"repeat": [byte, count]}` is that many bytes, a hex text with `0x` is bytes."""
    types = message.get_fields_and_field_types()
    for name, value in fields.items():
        current = getattr(message, name)
        if isinstance(value, dict) and "repeat" in value:
            byte, count = value["repeat"]
            setattr(message, name, bytes([byte]) * count)
        elif isinstance(value, str) and value.startswith("0x") and not isinstance(current, str):
            setattr(message, name, bytes.fromhex(value[2:]))
        elif hasattr(current, "get_fields_and_field_types"):
            fill(current, value)
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            kind = types[name].removeprefix("sequence<").split(">")[0].split(",")[0].split("[")[0]
            package, cls = kind.split("/")
            setattr(message, name, [fill(type_of(f"{package}/msg/{cls}")(), each) for each in value])
        else:
            # JSON has no numbers that are none.
            setattr(message, name, float(value) if isinstance(current, float) else value)
    return message


def profile(qos):
    """QoS from `{depth, reliability, durability}`."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=qos.get("depth", 10),
        reliability=ReliabilityPolicy[qos.get("reliability", "RELIABLE")],
        durability=DurabilityPolicy[qos.get("durability", "VOLATILE")],
    )


SENSOR = {"depth": 1, "reliability": "BEST_EFFORT"}


class Peer:
    """One node and what it has heard."""

    def __init__(self):
        self.node = Node("peer")
        self.heard = {}
        self.news = threading.Condition()
        self.publishers = {}
        self.cameras = {}
        self.clients = {}
        self.actions = {}
        self.goals = {}
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.node)
        threading.Thread(target=self.executor.spin, daemon=True).start()

    # Topics

    def subscribe(self, topic, type, qos=None):
        self.heard[topic] = []

        def hear(message):
            with self.news:
                self.heard[topic].append((time.time(), to_plain(message)))
                self.news.notify_all()

        self.node.create_subscription(type_of(type), topic, hear, profile(qos or {}))

    def wait(self, topic, count=1, timeout=60.0):
        """The messages so far, once there are `count`."""
        with self.news:
            enough = self.news.wait_for(lambda: len(self.heard[topic]) >= count, timeout)
            heard = self.heard[topic]
            if not enough:
                raise TimeoutError(f"{topic}: {len(heard)} of {count} messages in {timeout} s")
            self.heard[topic] = []
            return [{"at": at, "message": message} for at, message in heard]

    def publisher(self, topic, type, qos=None):
        key = topic
        if key not in self.publishers:
            self.publishers[key] = self.node.create_publisher(type_of(type), topic, profile(qos or {}))
        return self.publishers[key]

    def publish(self, topic, type, fields, qos=None, matched=1, stamp=False):
        """Waits until `matched` subscribers are there, then publishes."""
        publisher = self.publisher(topic, type, qos)
        self.match(topic, matched)
        message = fill(type_of(type)(), fields)
        if stamp:
            message.header.stamp = self.node.get_clock().now().to_msg()
        publisher.publish(message)
        return time.time()

    def match(self, topic, matched=1, timeout=60.0):
        end = time.time() + timeout
        while self.publishers[topic].get_subscription_count() < matched:
            if time.time() > end:
                raise TimeoutError(f"{topic}: nobody listens")
            time.sleep(0.01)

    def storm(self, topic, count, seconds):
        """Instructions `command 0` ... spread over `seconds`."""
        kind = type_of("std_msgs/msg/String")
        publisher = self.publisher(topic, "std_msgs/msg/String", {"depth": count})
        self.match(topic)
        start = time.time()
        for index in range(count):
            publisher.publish(kind(data=f"command {index}"))
            time.sleep(max(0.0, start + (index + 1) * seconds / count - time.time()))
        return time.time() - start

    def camera(self, topic, fields, type="sensor_msgs/msg/Image", hz=10.0, info=None, age=0.0):
        """Publishes a picture until `camera_stop`; `info` on camera_info beside it."""
        self.camera_stop(topic)
        publisher = self.publisher(topic, type, SENSOR)
        message = fill(type_of(type)(), fields)
        infos = None
        if info is not None:
            infos = self.publisher("camera_info", "sensor_msgs/msg/CameraInfo", SENSOR)
            info = fill(type_of("sensor_msgs/msg/CameraInfo")(), info)

        def shoot():
            now = self.node.get_clock().now()
            message.header.stamp = (now - rclpy.duration.Duration(seconds=age)).to_msg()
            if infos is not None:
                info.header.stamp = message.header.stamp
                info.header.frame_id = info.header.frame_id or message.header.frame_id
                infos.publish(info)
            publisher.publish(message)

        self.cameras[topic] = self.node.create_timer(1 / hz, shoot)

    def camera_stop(self, topic):
        timer = self.cameras.pop(topic, None)
        if timer is not None:
            self.node.destroy_timer(timer)

    def clock(self, seconds, hz=20.0):
        """A best-effort /clock that starts at `seconds`, as a bag being played has it."""
        publisher = self.publisher("/clock", "rosgraph_msgs/msg/Clock", SENSOR)
        start = time.time()

        def tick():
            now = seconds + time.time() - start
            publisher.publish(
                fill(
                    type_of("rosgraph_msgs/msg/Clock")(),
                    {"clock": {"sec": int(now), "nanosec": int(now % 1 * 1e9)}},
                )
            )

        self.node.create_timer(1 / hz, tick)

    def endpoints(self, topic):
        """Who publishes and who subscribes there, with the reliability; the depth is not told over DDS."""

        def tell(infos):
            return sorted(
                (
                    {
                        "node": f"{info.node_namespace.rstrip('/')}/{info.node_name}",
                        "reliability": info.qos_profile.reliability.name,
                    }
                    for info in infos
                ),
                key=lambda each: each["node"],
            )

        return {
            "publishers": tell(self.node.get_publishers_info_by_topic(topic)),
            "subscriptions": tell(self.node.get_subscriptions_info_by_topic(topic)),
        }

    # Services

    def client(self, service, type):
        if service not in self.clients:
            self.clients[service] = self.node.create_client(type_of(type), service)
        client = self.clients[service]
        if not client.wait_for_service(60.0):
            raise TimeoutError(f"{service}: no such service")
        return client

    def result_of(self, future, what, timeout):
        done = threading.Event()
        future.add_done_callback(lambda _: done.set())
        if not done.wait(timeout):
            raise TimeoutError(f"{what}: no answer in {timeout} s")
        return future.result()

    def call(self, service, type, fields=None, timeout=60.0):
        client = self.client(service, type)
        request = fill(type_of(type).Request(), fields or {})
        return to_plain(self.result_of(client.call_async(request), service, timeout))

    def latencies(self, service, names, count, interval):
        """Seconds that each of `count` parameter requests took."""
        client = self.client(service, "rcl_interfaces/srv/GetParameters")
        request = fill(type_of("rcl_interfaces/srv/GetParameters").Request(), {"names": names})
        taken = []
        for _ in range(count):
            start = time.perf_counter()
            self.result_of(client.call_async(request), service, 60.0)
            taken.append(time.perf_counter() - start)
            time.sleep(interval)
        return taken

    # The action. Its client forgets an answer that comes before it has noted its question, so it is used in the
    # thread that takes answers.

    def in_executor(self, work, timeout=60.0):
        return self.result_of(self.executor.create_task(work), "executor", timeout)

    def send_goals(self, action, fields, keys):
        """Several at once, in that order."""
        if action not in self.actions:
            many = QoSProfile(depth=1000)
            self.actions[action] = ActionClient(
                self.node,
                type_of("aid_msgs/action/Imagine"),
                action,
                goal_service_qos_profile=many,
                result_service_qos_profile=many,
                feedback_sub_qos_profile=many,
            )
        if not self.actions[action].wait_for_server(60.0):
            raise TimeoutError(f"{action}: no such action")
        sent = self.in_executor(lambda: [self.begin_goal(action, fields, key) for key in keys])
        return [self.accept_goal(action, future, key) for future, key in zip(sent, keys)]

    def send_goal(self, action, fields, key="goal"):
        return self.send_goals(action, fields, [key])[0]

    def begin_goal(self, action, fields, key):
        kind = type_of("aid_msgs/action/Imagine")
        topic = f"feedback {key}"
        self.heard[topic] = []

        def hear(message):
            with self.news:
                self.heard[topic].append((time.time(), to_plain(message.feedback)))
                self.news.notify_all()

        goal = fill(kind.Goal(), fields)
        return self.actions[action].send_goal_async(goal, feedback_callback=hear)

    def accept_goal(self, action, future, key):
        handle = self.result_of(future, action, 60.0)
        if not handle.accepted:
            return {"accepted": False}
        self.goals[key] = (handle, self.in_executor(handle.get_result_async))
        return {"accepted": True, "id": bytes(handle.goal_id.uuid).hex()}

    def result(self, key="goal", timeout=60.0):
        outcome = self.result_of(self.goals[key][1], "result", timeout)
        return {"status": outcome.status, "result": to_plain(outcome.result), "at": time.time()}

    def cancel(self, key="goal"):
        response = self.result_of(self.in_executor(self.goals[key][0].cancel_goal_async), "cancel", 60.0)
        return {"canceling": len(response.goals_canceling), "at": time.time()}

    def services_of(self, node):
        namespace, name = node.rsplit("/", 1)
        found = self.node.get_service_names_and_types_by_node(name, namespace or "/")
        return sorted(service for service, _ in found)

    def nodes(self):
        return sorted(
            f"{namespace.rstrip('/')}/{name}"
            for name, namespace in self.node.get_node_names_and_namespaces()
        )


def main():
    """Serves requests, each in a thread of its own, until stdin ends."""
    rclpy.init()
    peer = Peer()
    lock = threading.Lock()

    def answer(reply):
        with lock:
            print(json.dumps(reply), flush=True)

    def serve(request):
        try:
            value = getattr(peer, request["op"])(**request.get("args", {}))
            answer({"id": request["id"], "value": value})
        except Exception as error:
            answer({"id": request["id"], "error": f"{type(error).__name__}: {error}"})

    answer({"id": 0, "value": "ready"})
    for line in sys.stdin:
        threading.Thread(target=serve, args=(json.loads(line),), daemon=True).start()
    # Threads may still be inside the middleware.
    os._exit(0)


main()
