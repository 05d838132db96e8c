"""The measuring side: rclpy; lines of JSON on stdout. The camera is a process of its own, as a robot's is."""

import json
import os
import subprocess
import sys
import threading
import time

import rclpy
from action_msgs.msg import GoalStatus
from aid_msgs.action import Imagine
from aid_msgs.msg import Clip
from rcl_interfaces.srv import GetParameters
from rclpy.action import ActionClient
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.qos import DurabilityPolicy, QoSProfile, qos_profile_sensor_data
from rclpy.serialization import serialize_message
from sensor_msgs.msg import Image
from std_msgs.msg import String

COMMAND = "put the red cube on the blue plate"
# The longest time for a model to be loaded, seconds.
LOADING = 300


def camera(width, height):
    rclpy.init()
    node = rclpy.create_node("camera")
    images = node.create_publisher(Image, "image", qos_profile_sensor_data)
    step = 3 * width
    image = Image(height=height, width=width, encoding="rgb8", step=step, data=bytes(height * step))

    def shoot():
        image.header.stamp = node.get_clock().now().to_msg()
        images.publish(image)

    node.create_timer(1 / 30, shoot)
    rclpy.spin(node)


class Peer:
    """A sender of commands, a watcher of clips, and a camera beside it."""

    def __init__(self, previews, width, height):
        self.camera = subprocess.Popen([sys.executable, __file__, "camera", str(width), str(height)])
        rclpy.init()
        self.node = rclpy.create_node("bench")
        self.news = threading.Condition()
        self.clip = None
        self.preview = None
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self.node.create_subscription(Clip, "clip", self.on_clip, latched)
        if previews:
            self.node.create_subscription(Image, "goal_preview", self.on_preview, 10)
        self.commands = self.node.create_publisher(String, "instruction", 1000)
        self.parameters = self.node.create_client(GetParameters, "aid_planner/get_parameters")
        self.imagine = ActionClient(self.node, Imagine, "imagine")
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.node)
        threading.Thread(target=self.executor.spin, daemon=True).start()
        self.imagine.wait_for_server()
        # It listens when it is active.
        end = time.monotonic() + LOADING
        while self.commands.get_subscription_count() == 0:
            if time.monotonic() > end:
                raise TimeoutError("the node did not become active")
            time.sleep(0.05)
        time.sleep(1)

    def on_clip(self, message):
        with self.news:
            self.clip = (time.perf_counter(), message)
            self.news.notify_all()

    def on_preview(self, message):
        with self.news:
            if self.preview is None:
                self.preview = (time.perf_counter(), message)

    def command(self, text=COMMAND):
        self.clip = None
        self.preview = None
        start = time.perf_counter()
        self.commands.publish(String(data=text))
        return start

    def wait(self, text=COMMAND):
        with self.news:
            done = self.news.wait_for(lambda: self.clip and self.clip[1].instruction == text, 600)
        if not done:
            raise TimeoutError("no clip")
        return self.clip

    def request(self):
        done = threading.Event()
        start = time.perf_counter()
        future = self.parameters.call_async(GetParameters.Request(names=["seed", "preset"]))
        future.add_done_callback(lambda _: done.set())
        done.wait(30)
        return time.perf_counter() - start

    def goal(self):
        done = threading.Event()
        start = time.perf_counter()
        ended = []

        def finish(outcome):
            ended.append(outcome)
            done.set()

        def accepted(future):
            if not future.result().accepted:
                finish("rejected")
                return
            future.result().get_result_async().add_done_callback(lambda result: finish(result.result()))

        goal = Imagine.Goal(instructions=[COMMAND])
        # The client forgets an answer that comes before it has noted its question: both in the executor's thread.
        self.executor.create_task(lambda: self.imagine.send_goal_async(goal).add_done_callback(accepted))
        if not done.wait(600):
            raise TimeoutError("no result")
        took = time.perf_counter() - start
        [outcome] = ended
        if outcome == "rejected" or outcome.status != GoalStatus.STATUS_SUCCEEDED or outcome.result.error_code != 0:
            raise RuntimeError(f"a goal did not succeed: {outcome}"[:500])
        return took


def seconds(duration):
    return duration.sec + duration.nanosec / 1e9


def say(kind, **data):
    print(json.dumps({"kind": kind, **data}), flush=True)


def latency(watching, count):
    previews = []
    for _ in range(count):
        start = watching.command()
        watching.wait()
        previews.append(watching.preview[0] - start)
    preview_bytes = len(serialize_message(watching.preview[1]))
    watching.node.destroy_subscription(list(watching.node.subscriptions)[-1])
    time.sleep(1)
    clip, planning, busy = [], [], []
    for _ in range(count):
        start = watching.command()
        end, message = watching.wait()
        clip.append(end - start)
        planning.append(seconds(message.planning_time))
    size = len(serialize_message(message))
    result = [watching.goal() for _ in range(count)]
    idle = []
    for _ in range(200):
        idle.append(watching.request())
        time.sleep(0.005)
    while len(busy) < 500:
        watching.command()
        while watching.clip is None and len(busy) < 500:
            busy.append(watching.request())
            time.sleep(0.005)
    watching.wait()
    start = time.perf_counter()
    for index in range(1000):
        watching.commands.publish(String(data=f"put {index}"))
        time.sleep(max(0.0, start + (index + 1) / 1000 - time.perf_counter()))
    last = time.perf_counter()
    end, _ = watching.wait("put 999")
    say(
        "latency",
        preview=previews,
        clip=clip,
        planning=planning,
        result=result,
        idle=idle,
        busy=busy,
        bytes=size,
        previewBytes=preview_bytes,
        storm=end - last,
    )


def soak(peer, minutes):
    start = told = time.time()
    clips = 0
    while time.time() - start < 60 * minutes:
        if clips % 2 == 0:
            peer.command()
            peer.wait()
        else:
            peer.goal()
        clips += 1
        if time.time() - told > min(30, 60 * minutes / 40):
            told = time.time()
            say("soak", minutes=(told - start) / 60, clips=clips)


if sys.argv[1] == "camera":
    try:
        camera(int(sys.argv[2]), int(sys.argv[3]))
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    os._exit(0)
kind, amount, width, height = sys.argv[1:]
peer = Peer(kind == "latency", int(width), int(height))
try:
    if kind == "latency":
        latency(peer, int(amount))
    else:
        soak(peer, float(amount))
finally:
    peer.camera.kill()
# Threads may still be inside the middleware.
os._exit(0)
